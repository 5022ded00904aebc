//! Where the running kernel keeps the few members that the probes read.

use std::fs;
use std::io::{Error as IoError, ErrorKind};

use btfparse::{Integer32Value, Offset, Readable, TypeInformation, TypeVariant};

use crate::CaptureError;
use crate::preflight::VMLINUX_BTF;

/// The kernel's types and functions.
pub struct KernelTypes(TypeInformation);

/// Offsets in bytes, by the name that the probes give them.
pub struct Offsets(pub Vec<(&'static str, u32)>);

/// Types of gntdev where it is a module: only those that the kernel itself does not have.
const GNTDEV_BTF: &str = "/sys/kernel/btf/xen_gntdev";

/// Name in the probes, structure, member.
const MEMBERS: [(&str, &str, &str, &str); 10] = [
    ("OFFSET_VMA_PRIVATE_DATA", "vm_area_struct", "vm_private_data", "vm_area_struct.vm_private_data"),
    ("OFFSET_VMA_START", "vm_area_struct", "vm_start", "vm_area_struct.vm_start"),
    ("OFFSET_VMA_END", "vm_area_struct", "vm_end", "vm_area_struct.vm_end"),
    ("OFFSET_UNMAP_DATA", "gntab_unmap_queue_data", "data", "gntab_unmap_queue_data.data"),
    ("OFFSET_UNMAP_OPS", "gntab_unmap_queue_data", "unmap_ops", "gntab_unmap_queue_data.unmap_ops"),
    ("OFFSET_UNMAP_COUNT", "gntab_unmap_queue_data", "count", "gntab_unmap_queue_data.count"),
    ("OFFSET_VMA_FLAGS", "vm_area_struct", "vm_flags", "vm_area_struct.vm_flags"),
    ("OFFSET_VMA_PGOFF", "vm_area_struct", "vm_pgoff", "vm_area_struct.vm_pgoff"),
    ("OFFSET_FILE_PRIVATE_DATA", "file", "private_data", "file.private_data"),
    ("OFFSET_ATTACHMENT_DMABUF", "dma_buf_attachment", "dmabuf", "dma_buf_attachment.dmabuf"),
];

/// Those without which some causes of failures stay unknown: a gntdev that is a module describes its types elsewhere.
const OPTIONAL_MEMBERS: [(&str, &str, &str); 5] = [
    ("OFFSET_MAP_NEXT", "gntdev_grant_map", "next"),
    ("OFFSET_MAP_INDEX", "gntdev_grant_map", "index"),
    ("OFFSET_MAP_COUNT", "gntdev_grant_map", "count"),
    ("OFFSET_DMABUF_SIZE", "dma_buf", "size"),
    ("OFFSET_PAGE_PRIVATE", "page", "private"),
];

/// Not there where the kernel was built without dma-bufs. Then it has none of the functions that are given one either.
const WITHOUT_DMABUFS_MISSING: &str = "dma_buf_attachment";

/// What the census reads: name in the probes, structure, member, and whether kernels may be without it.
const CENSUS_MEMBERS: [(&str, &str, &str, Lacking); 19] = [
    ("OFFSET_TASK_TGID", "task_struct", "tgid", Lacking::Never),
    ("OFFSET_TASK_LEADER", "task_struct", "group_leader", Lacking::Never),
    ("OFFSET_TASK_COMM", "task_struct", "comm", Lacking::Never),
    ("OFFSET_FILE_OPERATIONS", "file", "f_op", Lacking::Never),
    ("OFFSET_FILE_PRIVATE", "file", "private_data", Lacking::Never),
    ("OFFSET_OPERATIONS_IOCTL", "file_operations", "unlocked_ioctl", Lacking::Never),
    ("OFFSET_AREA_FILE", "vm_area_struct", "vm_file", Lacking::Never),
    ("OFFSET_AREA_PRIVATE", "vm_area_struct", "vm_private_data", Lacking::Never),
    ("OFFSET_PRIV_MAPS", "gntdev_priv", "maps", Lacking::Never),
    ("OFFSET_MAP_NEXT", "gntdev_grant_map", "next", Lacking::Never),
    ("OFFSET_MAP_COUNT", "gntdev_grant_map", "count", Lacking::Never),
    ("OFFSET_MAP_FLAGS", "gntdev_grant_map", "flags", Lacking::Never),
    ("OFFSET_MAP_IN_USE", "gntdev_grant_map", "in_use", Lacking::Sometimes),
    ("OFFSET_MAP_GRANTS", "gntdev_grant_map", "grants", Lacking::Never),
    ("OFFSET_MAP_DMA_FLAGS", "gntdev_grant_map", "dma_flags", Lacking::Sometimes),
    ("OFFSET_DMABUF_OPS", "dma_buf", "ops", Lacking::Sometimes),
    ("OFFSET_DMABUF_PRIVATE", "dma_buf", "priv", Lacking::Sometimes),
    ("OFFSET_DMABUF_OPS_RELEASE", "dma_buf_ops", "release", Lacking::Sometimes),
    ("OFFSET_EXPORTED_MAP", "gntdev_dmabuf", "u.exp.map", Lacking::Sometimes),
];

/// Whether a kernel may be built without a member that the census reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lacking {
    Never,
    /// Without dma-bufs or DMA buffers, say: then there is nothing to read it from, or nothing it would tell.
    Sometimes,
}

/// What the census's programs take for a member that this kernel does not have.
const ABSENT: u32 = u32::MAX;

struct Bytes(Vec<u8>);

impl Readable for Bytes {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> btfparse::Result<()> {
        let start = offset as usize;
        let source = start.checked_add(buffer.len()).and_then(|end| self.0.get(start..end));
        buffer.copy_from_slice(source.ok_or_else(|| IoError::from(ErrorKind::UnexpectedEof))?);
        Ok(())
    }
}

impl KernelTypes {
    /// Reads the running kernel's BTF.
    pub fn read() -> Result<Self, CaptureError> {
        let mut bytes = fs::read(VMLINUX_BTF).map_err(|error| CaptureError::NoBtf(error.to_string()))?;
        if let Ok(module) = fs::read(GNTDEV_BTF)
            && let Some(both) = with_module(&bytes, &module)
        {
            bytes = both;
        }
        Self::parse(bytes)
    }

    /// Reads BTF.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, CaptureError> {
        TypeInformation::new(&Bytes(bytes)).map(Self).map_err(|error| CaptureError::NoBtf(format!("{error:?}")))
    }

    /// The function or structure of this name.
    pub fn named(&self, name: &str) -> Option<TypeVariant> {
        self.numbered(self.0.id_of(name)?)
    }

    /// The type with this number.
    pub fn numbered(&self, id: u32) -> Option<TypeVariant> {
        self.0.from_id(id)
    }

    /// Whether there is something of this name; for the names of our table that is a function.
    pub fn has(&self, name: &str) -> bool {
        self.0.id_of(name).is_some()
    }

    /// All offsets that the probes want.
    pub fn offsets(&self) -> Result<Offsets, CaptureError> {
        MEMBERS
            .iter()
            .filter(|(_, structure, ..)| *structure != WITHOUT_DMABUFS_MISSING || self.has(structure))
            .map(|&(name, structure, member, field)| Ok((name, self.offset(structure, member, field)?)))
            .chain(self.optional().map(Ok))
            .collect::<Result<_, _>>()
            .map(Offsets)
    }

    fn optional(&self) -> impl Iterator<Item = (&'static str, u32)> {
        let members = OPTIONAL_MEMBERS
            .iter()
            .filter_map(|&(name, structure, member)| Some((name, self.offset(structure, member, member).ok()?)));
        members.chain(self.enumerator("pageflags", "PG_foreign").map(|bit| ("PG_FOREIGN", bit)))
    }

    /// The value of a member of an enum.
    fn enumerator(&self, name: &str, member: &str) -> Option<u32> {
        let TypeVariant::Enum(values) = self.0.from_id(self.0.id_of(name)?)? else { return None };
        let value = values.named_value_list().iter().find(|value| value.name == member)?.value;
        match value {
            Integer32Value::Signed(value) => u32::try_from(value).ok(),
            Integer32Value::Unsigned(value) => Some(value),
        }
    }

    /// Where the preemption count lies in a task; `None`: it is the processor's.
    pub fn preempt_count_in_task(&self) -> Option<u32> {
        let in_task = self.offset("task_struct", "thread_info", "task_struct.thread_info").ok()?;
        let in_info = self.offset("thread_info", "preempt_count", "thread_info.preempt_count").ok()?;
        Some(in_task + in_info)
    }

    /// Where it lies in `pcpu_hot`; `None`: not there.
    pub fn preempt_count_in_pcpu_hot(&self) -> Option<u32> {
        self.offset("pcpu_hot", "preempt_count", "pcpu_hot.preempt_count").ok()
    }

    /// All offsets that the census wants; `NoCensus`, where gntdev's own structures are not described.
    pub fn census_offsets(&self) -> Result<Vec<(&'static str, u32)>, CaptureError> {
        if !self.has("gntdev_grant_map") {
            let why =
                format!("gntdev is a module, and {GNTDEV_BTF} does not describe its structures (CONFIG_DEBUG_INFO_BTF_MODULES)");
            return Err(CaptureError::NoCensus(why));
        }
        let offset = |&(name, structure, member, lacking): &(&'static str, &'static str, &'static str, Lacking)| match self
            .offset(structure, member, member)
        {
            Err(_) if lacking == Lacking::Sometimes => Ok((name, ABSENT)),
            offset => Ok((name, offset.map_err(|error| CaptureError::NoCensus(error.to_string()))?)),
        };
        CENSUS_MEMBERS.iter().map(offset).collect()
    }

    fn offset(&self, structure: &str, member: &str, field: &'static str) -> Result<u32, CaptureError> {
        let missing = |problem: String| CaptureError::NoField { field, problem };
        let id = self.0.id_of(structure).ok_or_else(|| missing("no such structure".to_owned()))?;
        match self.0.offset_of(id, member) {
            Ok((_, Offset::ByteOffset(offset))) => Ok(offset),
            Ok(_) => Err(missing("it is a bit field".to_owned())),
            Err(error) => Err(missing(format!("{error:?}"))),
        }
    }
}

/// The kernel's BTF with a module's behind it. A module's types and strings are numbered as if they followed the kernel's
/// (Documentation/bpf/btf.rst, "split BTF"), so putting them there makes one whole. `None`: bytes that are no BTF of this kind.
fn with_module(kernel: &[u8], module: &[u8]) -> Option<Vec<u8>> {
    let (kernel, module) = (Sections::of(kernel)?, Sections::of(module)?);
    let types = [kernel.types, module.types].concat();
    let strings = [kernel.strings, module.strings].concat();
    // struct btf_header (include/uapi/linux/btf.h): after magic, version and flags its own length, then where types and strings lie.
    let lengths = [HEADER_BYTES as u32, 0, types.len() as u32, types.len() as u32, strings.len() as u32];
    let mut whole = kernel.start.to_vec();
    whole.extend(lengths.iter().flat_map(|length| length.to_le_bytes()));
    whole.extend([types, strings].concat());
    Some(whole)
}

/// Bytes of `struct btf_header`.
const HEADER_BYTES: usize = 24;

/// The parts of BTF.
struct Sections<'a> {
    /// Magic, version and flags.
    start: &'a [u8],
    types: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Sections<'a> {
    fn of(bytes: &'a [u8]) -> Option<Self> {
        let number = |place: usize| Some(u32::from_le_bytes(bytes.get(place..place + 4)?.try_into().ok()?) as usize);
        let (header, types, strings) = (number(4)?, (number(8)?, number(12)?), (number(16)?, number(20)?));
        let section = |(offset, length): (usize, usize)| bytes.get(header + offset..header + offset + length);
        Some(Self { start: bytes.get(..4)?, types: section(types)?, strings: section(strings)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn btf(types: &[u8], strings: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        let (types_length, strings_length) = (types.len() as u32, strings.len() as u32);
        bytes.extend([24, 0, types_length, types_length, strings_length].iter().flat_map(|n: &u32| n.to_le_bytes()));
        [&bytes, types, strings].concat()
    }

    #[test]
    fn the_types_and_strings_of_a_module_follow_those_of_the_kernel() {
        let both = with_module(&btf(b"kernel's types", b"\0a\0"), &btf(b"module's", b"b\0"));
        assert_eq!(both, Some(btf(b"kernel's typesmodule's", b"\0a\0b\0")));
    }

    #[test]
    fn bytes_that_are_cut_short_are_no_btf() {
        let whole = btf(b"types", b"\0");
        assert!((0..whole.len()).all(|length| Sections::of(&whole[..length]).is_none()));
    }
}
