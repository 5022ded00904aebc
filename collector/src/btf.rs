//! What the running kernel says of its own types and functions: its BTF, and that of gntdev where it is a module.

use std::fs;
use std::io::{Error as IoError, ErrorKind};

use btfparse::{Integer32Value, Offset, Readable, TypeInformation, TypeVariant};

use crate::CaptureError;
use crate::preflight::VMLINUX_BTF;

/// The kernel's types and functions.
pub struct KernelTypes(TypeInformation);

/// Types of gntdev where it is a module: only those that the kernel itself does not have.
pub const GNTDEV_BTF: &str = "/sys/kernel/btf/xen_gntdev";

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
    ///
    /// # Errors
    /// The kernel has no BTF, or it cannot be read.
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
    ///
    /// # Errors
    /// The bytes are not BTF.
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

    /// Where a member lies in its structure, in bytes; or the number that an enum has under a name.
    ///
    /// # Errors
    /// A member that the kernel does not describe, in words.
    pub fn place(&self, structure: &str, member: &str) -> Result<u32, String> {
        let id = self.0.id_of(structure).ok_or_else(|| "no such structure".to_owned())?;
        if let Some(TypeVariant::Enum(values)) = self.0.from_id(id) {
            let value = values.named_value_list().iter().find(|value| value.name == member).map(|value| &value.value);
            return value.and_then(number).ok_or_else(|| "no such name in the enum".to_owned());
        }
        match self.0.offset_of(id, member) {
            Ok((_, Offset::ByteOffset(offset))) => Ok(offset),
            Ok(_) => Err("it is a bit field".to_owned()),
            Err(error) => Err(format!("{error:?}")),
        }
    }
}

fn number(value: &Integer32Value) -> Option<u32> {
    match *value {
        Integer32Value::Signed(value) => u32::try_from(value).ok(),
        Integer32Value::Unsigned(value) => Some(value),
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

/// BTF for tests, made by hand.
#[cfg(test)]
pub mod made {
    use super::*;

    /// Kinds of types.
    pub const INTEGER: u32 = 1;
    pub const POINTER: u32 = 2;
    pub const STRUCTURE: u32 = 4;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const FUNCTION: u32 = 12;
    pub const PROTOTYPE: u32 = 13;

    /// BTF, type by type (Documentation/bpf/btf.rst, Linux v6.12).
    #[derive(Default)]
    pub struct Made {
        types: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Made {
        /// A type: its kind, its name, how many members it has, its size or the type that it refers to, and what else follows.
        pub fn add(mut self, kind: u32, name: &str, members: u32, size_or_type: u32, rest: &[u32]) -> Self {
            let name_offset = self.string(name);
            let words = [name_offset, kind << 24 | members, size_or_type].into_iter().chain(rest.iter().copied());
            self.types.extend(words.flat_map(u32::to_le_bytes));
            self
        }

        /// A name, to be referred to by what is returned. The string at offset 0 is the empty one.
        pub fn string(&mut self, text: &str) -> u32 {
            self.strings.push(0);
            let offset = if text.is_empty() { 0 } else { self.strings.len() as u32 };
            self.strings.extend(text.bytes());
            offset
        }

        /// What it describes.
        pub fn types(self) -> KernelTypes {
            KernelTypes::parse(self.bytes()).expect("BTF that was just made")
        }

        fn bytes(mut self) -> Vec<u8> {
            const MAGIC_VERSION_FLAGS: u32 = 0x0001_eb9f;
            const HEADER_BYTES: u32 = 24;
            self.strings.push(0);
            let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
            let header = [MAGIC_VERSION_FLAGS, HEADER_BYTES, 0, types, types, strings];
            header.into_iter().flat_map(u32::to_le_bytes).chain(self.types).chain(self.strings).collect()
        }
    }
}
