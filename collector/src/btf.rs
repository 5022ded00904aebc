//! What the running kernel says of its own types and functions: its BTF, and that of the grant drivers where they are modules.
//!
//! The bytes are kept as the kernel gives them (Documentation/bpf/btf.rst, Linux v6.12), with an index of names beside them: of tens of
//! thousands of types a hundred are looked at, so none is made into a value before that.

use std::fs;
use std::ops::Range;

use aya::{Btf, Endianness};

use crate::CaptureError;
use crate::preflight::VMLINUX_BTF;

/// Types of gntdev where it is a module: only those that the kernel itself does not have.
pub const GNTDEV_BTF: &str = "/sys/kernel/btf/xen_gntdev";
/// Modules that have functions of hooks, and where the kernel shows the types of each that is loaded.
const MODULES: [(&str, &str); 2] = [("xen_gntdev", GNTDEV_BTF), ("xen_gntalloc", "/sys/kernel/btf/xen_gntalloc")];

/// Whether the kernel describes a module of the grant drivers, and it is loaded.
pub fn describes(module: &str) -> bool {
    let path = MODULES.iter().find(|(name, _)| *name == module).map(|(_, path)| path);
    path.and_then(|path| Sections::of(fs::read(path).ok()?)).is_some()
}

macro_rules! kinds {
    ($first:ident, $($kind:ident),+ $(,)?) => {
        /// Kinds of types (include/uapi/linux/btf.h).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $first = 1,
            $($kind,)+
        }

        impl Kind {
            /// In the order of their numbers.
            const ALL: &[Self] = &[Self::$first, $(Self::$kind,)+];
        }
    };
}

kinds! {
    Int, Pointer, Array, Struct, Union, Enum, Forward, Typedef, Volatile, Const, Restrict, Function, Prototype, Variable, Section, Float,
    DeclarationTag, TypeTag, Enum64,
}

impl Kind {
    fn from_number(number: u32) -> Option<Self> {
        Self::ALL.get((number as usize).checked_sub(1)?).copied()
    }

    /// Bytes behind the start of a type with this many members.
    fn rest(self, members: usize) -> usize {
        match self {
            Self::Int | Self::Variable | Self::DeclarationTag => 4,
            Self::Array => 12,
            Self::Struct | Self::Union | Self::Section | Self::Enum64 => 12 * members,
            Self::Enum | Self::Prototype => 8 * members,
            _ => 0,
        }
    }

    /// Whether types of this kind are looked for by name.
    fn is_looked_for(self) -> bool {
        matches!(self, Self::Struct | Self::Union | Self::Enum | Self::Function | Self::Typedef)
    }
}

/// A type, as its bytes say.
#[derive(Clone, Copy, Debug)]
pub struct Type<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its name, or nothing.
    pub name: &'a str,
    /// Its size, or the number of the type that it refers to.
    pub size_or_type: u32,
    /// Whether members can be bit fields, and say so.
    has_bit_fields: bool,
    /// What follows, as numbers.
    rest: &'a [u8],
}

impl<'a> Type<'a> {
    /// What follows, in records of so many numbers.
    fn records<const N: usize>(self) -> impl Iterator<Item = [u32; N]> + 'a {
        self.rest.chunks_exact(4 * N).map(|record| std::array::from_fn(|n| number(record, 4 * n)))
    }

    /// The numbers of a prototype's arguments' types.
    pub fn arguments(self) -> impl Iterator<Item = u32> + 'a {
        self.records().map(|[_name, argument]| argument)
    }
}

/// The kernel's types and functions, and its modules'.
pub struct KernelTypes {
    kernel: Part,
    /// The kernel's: a module has few.
    names: Names,
    modules: Vec<(&'static str, Part)>,
}

/// What the kernel describes, or one module, and where each type begins.
struct Part {
    sections: Sections,
    starts: Vec<u32>,
}

/// The kernel's types, and behind them those of one module.
#[derive(Clone, Copy)]
pub struct Types<'a> {
    /// A module's types and strings are numbered as if they followed the kernel's (Documentation/bpf/btf.rst, "split BTF").
    kernel: &'a Part,
    module: Option<&'a Part>,
}

impl KernelTypes {
    /// Reads the running kernel's BTF.
    ///
    /// # Errors
    /// The kernel has no BTF, or it cannot be read.
    pub fn read() -> Result<Self, CaptureError> {
        let kernel = fs::read(VMLINUX_BTF).map_err(|error| CaptureError::NoBtf(error.to_string()))?;
        let modules = MODULES.into_iter().filter_map(|(module, path)| Some((module, fs::read(path).ok()?)));
        Self::parse(kernel, modules)
    }

    /// Indexes BTF, and that of modules behind it; what is no BTF of this kind is left out.
    ///
    /// # Errors
    /// The kernel's bytes are not BTF.
    pub fn parse(kernel: Vec<u8>, modules: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Result<Self, CaptureError> {
        // The first type is `void`, which has no bytes.
        let kernel = Part::of(kernel, vec![0])
            .ok_or_else(|| CaptureError::NoBtf("it is cut short, or is no BTF of a known version".to_owned()))?;
        let modules = modules.into_iter().filter_map(|(module, bytes)| Some((module, Part::of(bytes, Vec::new())?))).collect();
        let mut types = Self { kernel, names: Names::default(), modules };
        types.names = types.index();
        Ok(types)
    }

    fn index(&self) -> Names {
        let (types, count) = (self.kernels(), self.kernel.starts.len());
        let mut names = Names::for_up_to(count);
        for id in 1..count as u32 {
            let looked_for = types.bytes(id).is_some_and(|bytes| kind_of(number(bytes, 4)).is_some_and(Kind::is_looked_for));
            if looked_for && let Some(name) = types.name_bytes(id).filter(|name| !name.is_empty()) {
                names.insert(hash(name), id);
            }
        }
        names
    }

    /// Without any module.
    fn kernels(&self) -> Types<'_> {
        Types { kernel: &self.kernel, module: None }
    }

    /// With each of the modules.
    fn of_modules(&self) -> impl Iterator<Item = (&'static str, Types<'_>)> {
        self.modules.iter().map(|(name, module)| (*name, Types { kernel: &self.kernel, module: Some(module) }))
    }

    /// Whether the kernel describes this module.
    pub fn describes(&self, module: &str) -> bool {
        self.modules.iter().any(|(name, _)| *name == module)
    }

    /// The kernel's first type of one of these kinds with this name.
    fn named(&self, name: &str, kinds: &[Kind]) -> Option<u32> {
        self.names.with(hash(name.as_bytes())).filter(|&id| self.kernels().is(id, name, kinds)).min()
    }

    /// These functions with the numbers that they have in the kernel, and nothing else: aya makes a value of every type that it is
    /// given, and looks for no other.
    ///
    /// # Errors
    /// aya does not take it for BTF.
    pub fn functions_alone(&self, functions: &[String]) -> Result<Btf, CaptureError> {
        let mut ids: Vec<(u32, &str)> =
            functions.iter().filter_map(|name| Some((self.named(name, &[Kind::Function])?, name.as_str()))).collect();
        ids.sort_unstable();
        ids.dedup();
        let (last, names) =
            (ids.last().map_or(0, |(id, _)| *id as usize), ids.iter().map(|(_, name)| name.len() + 1).sum::<usize>());
        let (length, string_length) = (last * TYPE_BYTES, names + 1);
        let mut bytes = Vec::with_capacity(HEADER_BYTES as usize + length + string_length);
        bytes.extend_from_slice(&self.kernel.sections.bytes[..START_BYTES]);
        bytes.extend(words([HEADER_BYTES, 0, length as u32, length as u32, string_length as u32]));
        // A declaration without a name is the shortest of types.
        let nothing: Vec<u8> = words([0, (Kind::Forward as u32) << 24, 0]).collect();
        let mut name_at = 1;
        for (id, name) in &ids {
            let before = HEADER_BYTES as usize + (*id as usize - 1) * TYPE_BYTES;
            bytes.extend(nothing.repeat((before - bytes.len()) / TYPE_BYTES));
            bytes.extend(words([name_at, (Kind::Function as u32) << 24, 0]));
            name_at += name.len() as u32 + 1;
        }
        bytes.push(0);
        ids.iter().for_each(|(_, name)| bytes.extend(name.bytes().chain([0])));
        Btf::parse(&bytes, Endianness::Little).map_err(|error| CaptureError::NoBtf(error.to_string()))
    }

    /// A function of the kernel itself, or of this module: its number there, and the types that it is one of.
    pub fn function(&self, name: &str, module: Option<&str>) -> Option<(Types<'_>, u32)> {
        match module {
            None => Some((self.kernels(), self.named(name, &[Kind::Function])?)),
            Some(module) => {
                let (_, types) = self.of_modules().find(|(name, _)| *name == module)?;
                Some((types, types.of_module(name, &[Kind::Function])?))
            }
        }
    }

    /// The kernel's type that has another name, and the types that it is one of.
    pub fn typedef(&self, name: &str) -> Option<(Types<'_>, Type<'_>)> {
        Some((self.kernels(), self.kernels().numbered(self.named(name, &[Kind::Typedef])?)?))
    }

    /// Whether there is a structure, or an enum, of this name.
    pub fn has_structure(&self, name: &str) -> bool {
        self.structure(name).is_some()
    }

    fn structure(&self, name: &str) -> Option<(Types<'_>, u32)> {
        const KINDS: [Kind; 3] = [Kind::Struct, Kind::Union, Kind::Enum];
        let of_kernel = self.named(name, &KINDS).map(|id| (self.kernels(), id));
        of_kernel.or_else(|| self.of_modules().find_map(|(_, types)| Some((types, types.of_module(name, &KINDS)?))))
    }

    /// Bytes of a structure; `None`: the kernel does not describe it.
    pub fn size(&self, structure: &str) -> Option<u32> {
        let (types, id) = self.structure(structure)?;
        types.numbered(id).map(|found| found.size_or_type)
    }

    /// Where a member lies in its structure, in bytes; or the number that an enum has under a name.
    ///
    /// # Errors
    /// A member that the kernel does not describe, in words.
    pub fn place(&self, structure: &str, member: &str) -> Result<u32, String> {
        let (types, id) = self.structure(structure).ok_or("no such structure")?;
        types.place(types.numbered(id).ok_or("no such structure")?, member)
    }
}

impl Part {
    /// What these bytes describe, with the types that begin before them; `None`: they are no BTF, or of a kind that is not known.
    fn of(bytes: Vec<u8>, before: Vec<u32>) -> Option<Self> {
        let sections = Sections::of(bytes)?;
        let starts = starts(sections.types(), before)?;
        Some(Self { sections, starts })
    }
}

impl<'a> Types<'a> {
    /// The bytes from a type's first one.
    fn bytes(self, id: u32) -> Option<&'a [u8]> {
        let before = self.kernel.starts.len();
        let (part, index) = match (id as usize).checked_sub(before) {
            None if id == 0 => return None,
            None => (self.kernel, id as usize),
            Some(index) => (self.module?, index),
        };
        let bytes = part.sections.types().get(*part.starts.get(index)? as usize..);
        bytes.filter(|bytes| bytes.len() >= TYPE_BYTES)
    }

    fn name_bytes(self, id: u32) -> Option<&'a [u8]> {
        Some(self.string(number(self.bytes(id)?, 0)))
    }

    /// A string; nothing, where there is none.
    fn string(self, offset: u32) -> &'a [u8] {
        let (offset, kernel) = (offset as usize, self.kernel.sections.strings());
        let from = match offset.checked_sub(kernel.len()) {
            None => kernel.get(offset..),
            Some(offset) => self.module.and_then(|module| module.sections.strings().get(offset..)),
        };
        let from = from.unwrap_or_default();
        let end = from.iter().position(|&byte| byte == 0).unwrap_or(from.len());
        &from[..end]
    }

    fn text(self, offset: u32) -> &'a str {
        std::str::from_utf8(self.string(offset)).unwrap_or_default()
    }

    /// The type with this number; `None`: there is none, or it is `void`.
    pub fn numbered(self, id: u32) -> Option<Type<'a>> {
        let bytes = self.bytes(id)?;
        let info = number(bytes, 4);
        let kind = kind_of(info)?;
        Some(Type {
            kind,
            name: self.text(number(bytes, 0)),
            size_or_type: number(bytes, 8),
            has_bit_fields: info >> 31 != 0,
            rest: bytes.get(TYPE_BYTES..TYPE_BYTES + kind.rest(members(info)))?,
        })
    }

    /// Whether the type with this number has this name and one of these kinds.
    fn is(self, id: u32, name: &str, kinds: &[Kind]) -> bool {
        self.name_bytes(id) == Some(name.as_bytes()) && self.numbered(id).is_some_and(|found| kinds.contains(&found.kind))
    }

    /// The module's own first type of one of these kinds with this name.
    fn of_module(self, name: &str, kinds: &[Kind]) -> Option<u32> {
        let (before, count) = (self.kernel.starts.len(), self.module?.starts.len());
        (before as u32..(before + count) as u32).find(|&id| self.is(id, name, kinds))
    }

    fn place(self, structure: Type<'a>, member: &str) -> Result<u32, String> {
        if structure.kind == Kind::Enum {
            let value = structure.records().find(|&[name, _]| self.string(name) == member.as_bytes()).map(|[_, value]| value);
            return value.ok_or_else(|| "no such name in the enum".to_owned());
        }
        let bits = self.bit_of(structure, member).ok_or("no such member")?.ok_or("it is a bit field")?;
        if bits.is_multiple_of(8) { Ok(bits / 8) } else { Err("it is a bit field".to_owned()) }
    }

    /// The bit at which the member of this path lies, also inside members without a name; `Some(None)`: it is a bit field.
    fn bit_of(self, structure: Type<'a>, path: &str) -> Option<Option<u32>> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        structure.records().find_map(|[name, id, offset]| {
            let name = self.string(name);
            // Where there are bit fields, their width stands before the offset.
            let (width, bit) = if structure.has_bit_fields { (offset >> 24, offset & 0xff_ffff) } else { (0, offset) };
            let inside = match (name, rest) {
                ([], _) => self.bit_of(self.aggregate(id)?, path)?,
                (name, _) if name != first.as_bytes() => return None,
                (_, Some(rest)) => self.bit_of(self.aggregate(id)?, rest)?,
                (_, None) => (width == 0).then_some(0),
            };
            Some(inside.map(|inside| bit + inside))
        })
    }

    /// The structure or union that a member is, behind names and qualifiers.
    fn aggregate(self, mut id: u32) -> Option<Type<'a>> {
        // A chain that is longer than any is a circle.
        for _ in 0..32 {
            let found = self.numbered(id)?;
            match found.kind {
                Kind::Struct | Kind::Union => return Some(found),
                Kind::Typedef | Kind::Volatile | Kind::Const | Kind::Restrict | Kind::TypeTag => id = found.size_or_type,
                _ => return None,
            }
        }
        None
    }
}

/// Goes from type to type, and adds where each begins; `None`: one of them ends behind the end, or is of a kind that is not known.
fn starts(bytes: &[u8], mut starts: Vec<u32>) -> Option<Vec<u32>> {
    // Few types have less than a member, which makes 24 bytes.
    starts.reserve(bytes.len() / 20);
    let mut start = 0;
    while start < bytes.len() {
        starts.push(start as u32);
        let info = number(bytes.get(start..start + TYPE_BYTES)?, 4);
        start += TYPE_BYTES + kind_of(info)?.rest(members(info));
    }
    (start == bytes.len()).then_some(starts)
}

fn words<const N: usize>(words: [u32; N]) -> impl Iterator<Item = u8> {
    words.into_iter().flat_map(u32::to_le_bytes)
}

/// Bytes of `struct btf_header`, and those of its magic, version and flags.
const HEADER_BYTES: u32 = 24;
const START_BYTES: usize = 4;

/// Bytes of `struct btf_type`: name, then kind and members, then size or type.
const TYPE_BYTES: usize = 12;

fn number(bytes: &[u8], place: usize) -> u32 {
    u32::from_le_bytes(std::array::from_fn(|n| bytes[place + n]))
}

fn kind_of(info: u32) -> Option<Kind> {
    Kind::from_number(info >> 24 & 0x1f)
}

fn members(info: u32) -> usize {
    (info & 0xffff) as usize
}

/// FNV-1a, folded: short, and good enough for names.
fn hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash: u32, &byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Numbers of types by the hash of their name: open addressing, a power of two of slots, at most half of them taken.
#[derive(Default)]
struct Names(Vec<u32>);

impl Names {
    fn for_up_to(types: usize) -> Self {
        Self(vec![0; (2 * types).next_power_of_two()])
    }

    /// The slots in which a number with this hash can lie, in the order in which they are taken.
    fn slots(&self, hash: u32) -> impl Iterator<Item = usize> + use<> {
        let mask = self.0.len() - 1;
        let start = (hash ^ hash >> 15) as usize;
        (0..=mask).map(move |step| (start + step) & mask)
    }

    fn insert(&mut self, hash: u32, id: u32) {
        if let Some(free) = self.slots(hash).find(|&slot| self.0[slot] == 0) {
            self.0[free] = id;
        }
    }

    /// Those that have this hash, and others.
    fn with(&self, hash: u32) -> impl Iterator<Item = u32> {
        self.slots(hash).map(|slot| self.0[slot]).take_while(|&id| id != 0)
    }
}

/// The parts of BTF.
struct Sections {
    bytes: Vec<u8>,
    types: Range<usize>,
    strings: Range<usize>,
}

impl Sections {
    fn of(bytes: Vec<u8>) -> Option<Self> {
        const MAGIC: [u8; 2] = 0xeb9f_u16.to_le_bytes();
        bytes.starts_with(&MAGIC).then_some(())?;
        // struct btf_header: after magic, version and flags its own length, then where types and strings lie behind it.
        let number = |place: usize| Some(u32::from_le_bytes(bytes.get(place..place + 4)?.try_into().ok()?) as usize);
        let (header, types, strings) = (number(4)?, (number(8)?, number(12)?), (number(16)?, number(20)?));
        let section = |(offset, length): (usize, usize)| {
            let section = header + offset..header + offset + length;
            bytes.get(section.clone()).is_some().then_some(section)
        };
        let (types, strings) = (section(types)?, section(strings)?);
        Some(Self { bytes, types, strings })
    }

    fn types(&self) -> &[u8] {
        &self.bytes[self.types.clone()]
    }

    fn strings(&self) -> &[u8] {
        &self.bytes[self.strings.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::made::{ENUM, INTEGER, Made, STRUCTURE};
    use super::*;

    const GNTDEV: &str = "xen_gntdev";

    #[test]
    fn the_types_and_strings_of_a_module_follow_those_of_the_kernel() {
        let kernel = Made::default().add(INTEGER, "int", 0, 4, &[1 << 24 | 32]).bytes();
        let mut module = Made::split_from(&kernel);
        let name = module.string("member");
        let module = module.add(STRUCTURE, "inside", 1, 8, &[name, 1, 64]).bytes();
        let types = KernelTypes::parse(kernel.clone(), [(GNTDEV, module)]).unwrap();
        assert_eq!(types.place("inside", "member"), Ok(8));
        assert!(types.describes(GNTDEV) && !types.describes("xen_gntalloc"));
        let types = KernelTypes::parse(kernel, [(GNTDEV, b"no BTF".to_vec())]).unwrap();
        assert!(!types.has_structure("inside") && !types.describes(GNTDEV));
    }

    #[test]
    fn functions_of_one_name_are_distinguished_by_what_they_are_in() {
        let kernel = Made::default().add(INTEGER, "int", 0, 4, &[1 << 24 | 32]).add(made::FUNCTION, "both", 0, 1, &[]).bytes();
        // The kernel has the types 1 and 2, and each module goes on with 3.
        let module = || Made::split_from(&kernel);
        let gntdev = module().add(made::FUNCTION, "both", 0, 1, &[]).add(made::FUNCTION, "alone", 0, 1, &[]).bytes();
        let gntalloc = module().add(STRUCTURE, "inside", 0, 8, &[]).add(made::FUNCTION, "both", 0, 3, &[]).bytes();
        let types = KernelTypes::parse(kernel, [(GNTDEV, gntdev), ("xen_gntalloc", gntalloc)]).unwrap();
        let found = |name, module| types.function(name, module).map(|(types, id)| (id, types.numbered(id).unwrap().size_or_type));
        assert_eq!(found("both", None), Some((2, 1)));
        assert_eq!(found("both", Some(GNTDEV)), Some((3, 1)));
        assert_eq!(found("both", Some("xen_gntalloc")), Some((4, 3)));
        assert_eq!([found("alone", Some(GNTDEV)), found("alone", Some("xen_gntalloc"))], [Some((4, 1)), None]);
        assert_eq!([found("alone", None), found("both", Some("xen_blkback"))], [None, None]);
    }

    #[test]
    fn bytes_that_are_cut_short_are_no_btf() {
        let whole = Made::default().add(INTEGER, "int", 0, 4, &[1 << 24 | 32]).bytes();
        assert!(KernelTypes::parse(whole.clone(), []).is_ok());
        assert!((0..whole.len()).all(|length| KernelTypes::parse(whole[..length].to_vec(), []).is_err()));
    }

    #[test]
    fn a_type_of_a_kind_that_is_not_known_cannot_be_stepped_over() {
        let newer = Made::default().add(INTEGER, "int", 0, 4, &[1 << 24 | 32]).add(20, "newer", 0, 0, &[]);
        assert!(KernelTypes::parse(newer.bytes(), []).is_err());
    }

    #[test]
    fn a_member_of_a_member_without_a_name_is_one_of_the_structure_and_a_bit_field_is_none() {
        let mut made = Made::default().add(INTEGER, "int", 0, 4, &[1 << 24 | 32]);
        let (inner, outer, bits) = (made.string("inner"), made.string("outer"), made.string("bits"));
        let with_bit_fields = 1 << 31 >> 24;
        let types = made
            .add(STRUCTURE, "", 1, 8, &[inner, 1, 32])
            .add(STRUCTURE | with_bit_fields, "whole", 3, 24, &[outer, 1, 0, 0, 2, 64, bits, 1, 3 << 24 | 128])
            .types();
        assert_eq!(types.place("whole", "outer"), Ok(0));
        assert_eq!(types.place("whole", "inner"), Ok(12));
        assert!(types.place("whole", "bits").unwrap_err().contains("bit field"));
        assert!(types.place("whole", "none").unwrap_err().contains("no such member"));
    }

    #[test]
    fn functions_keep_their_numbers_where_everything_else_is_left_out() {
        let made = Made::default().add(INTEGER, "int", 0, 4, &[1 << 24 | 32]).add(made::FUNCTION, "first", 0, 0, &[]);
        let types = made.add(STRUCTURE, "inside", 0, 8, &[]).add(made::FUNCTION, "second", 0, 0, &[]).types();
        let names = ["second", "first", "nowhere", "inside"].map(str::to_owned);
        let alone = types.functions_alone(&names).unwrap();
        let id = |name| alone.id_by_type_name_kind(name, aya_obj::btf::BtfKind::Func).ok();
        assert_eq!(["first", "second", "nowhere", "inside"].map(id), [Some(2), Some(4), None, None]);
    }

    #[test]
    fn a_name_that_two_kinds_of_types_have_is_found_as_each() {
        let types = Made::default().add(ENUM, "both", 0, 4, &[]).add(made::FUNCTION, "both", 0, 0, &[]).types();
        let function = |name| types.function(name, None).map(|(_, id)| id);
        assert_eq!((function("both"), types.has_structure("both"), function("neither")), (Some(2), true, None));
    }
}

/// BTF for tests, made by hand.
#[cfg(test)]
pub mod made {
    use super::KernelTypes;

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
        strings_before: u32,
    }

    impl Made {
        /// Of a module of the kernel that has these bytes.
        pub fn split_from(kernel: &[u8]) -> Self {
            // The last number of `struct btf_header` says how long its strings are.
            Self { strings_before: super::number(kernel, 20), ..Self::default() }
        }

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
            let offset = if text.is_empty() { 0 } else { self.strings_before + self.strings.len() as u32 };
            self.strings.extend(text.bytes());
            offset
        }

        /// What it describes.
        pub fn types(self) -> KernelTypes {
            KernelTypes::parse(self.bytes(), []).expect("BTF that was just made")
        }

        /// The bytes, as a kernel would give them.
        pub fn bytes(mut self) -> Vec<u8> {
            const MAGIC_VERSION_FLAGS: u32 = 0x0001_eb9f;
            const HEADER_BYTES: u32 = 24;
            self.strings.push(0);
            let (types, strings) = (self.types.len() as u32, self.strings.len() as u32);
            let header = [MAGIC_VERSION_FLAGS, HEADER_BYTES, 0, types, types, strings];
            header.into_iter().flat_map(u32::to_le_bytes).chain(self.types).chain(self.strings).collect()
        }
    }
}
