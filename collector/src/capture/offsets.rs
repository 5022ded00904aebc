//! Where the running kernel keeps the few members that the probes read.

use std::fs;
use std::io::{Error as IoError, ErrorKind};

use btfparse::{Integer32Value, Offset, Readable, TypeInformation, TypeVariant};

use super::CaptureError;
use super::preflight::VMLINUX_BTF;

/// The kernel's types and functions.
pub struct KernelTypes(TypeInformation);

/// Offsets in bytes, by the name that the probes give them.
pub struct Offsets(pub Vec<(&'static str, u32)>);

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
        let bytes = fs::read(VMLINUX_BTF).map_err(|error| CaptureError::NoBtf(error.to_string()))?;
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
