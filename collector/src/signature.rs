//! What the probes believe of the functions whose arguments they read, compared with what the running kernel's BTF says of them.
//!
//! Kernels change signatures without notice, and a probe would then read one argument for another: no version number is asked,
//! but the kernel itself.
//!
//! Source of the signatures: Linux v6.12, the files that `probes/src/` names at each function.

use std::fmt;

use btfparse::TypeVariant;
use grantscope_wire::HookId;

use crate::offsets::KernelTypes;

/// A type, as far as it matters to who reads a register.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    /// A pointer to this structure.
    PointerTo(String),
    /// A number of so many bytes.
    Number(usize),
    /// Nothing that the probes read.
    Other(&'static str),
}

/// What the probes believe.
enum Believed {
    /// The leading arguments.
    Takes(&'static [Argument]),
    /// The leading arguments, and that a pointer to this structure comes back.
    Gives(&'static str, &'static [Argument]),
}

#[derive(Clone, Copy)]
enum Argument {
    PointerTo(&'static str),
    /// An `int` or `unsigned int`.
    Int,
    /// A `long` or `unsigned long`.
    Long,
    /// The probes do not read it.
    Any,
}

/// The functions whose arguments are read, or whose returned pointer is.
fn believed(hook: HookId) -> Option<Believed> {
    use Argument::{Any, Int, Long, PointerTo};
    use Believed::{Gives, Takes};
    Some(match hook {
        HookId::GntdevIoctl | HookId::GntallocIoctl => Takes(&[PointerTo("file"), Int, Long]),
        HookId::GntdevMmap => Takes(&[PointerTo("file"), PointerTo("vm_area_struct")]),
        HookId::GntdevVmaOpen | HookId::GntdevVmaClose => Takes(&[PointerTo("vm_area_struct")]),
        HookId::GntdevAllocMap => Gives("gntdev_grant_map", &[Any, Int, Int]),
        HookId::GntdevMapGrantPages | HookId::GntdevFreeMap => Takes(&[PointerTo("gntdev_grant_map")]),
        HookId::GnttabMapRefs => Takes(&[PointerTo("gnttab_map_grant_ref"), Any, Any, Int]),
        HookId::GnttabUnmapRefs => Takes(&[PointerTo("gnttab_unmap_grant_ref"), Any, Any, Int]),
        HookId::GnttabBatchMap => Takes(&[PointerTo("gnttab_map_grant_ref"), Int]),
        HookId::GnttabBatchCopy => Takes(&[PointerTo("gnttab_copy"), Int]),
        HookId::GnttabUnmapRefsAsync => Takes(&[PointerTo("gntab_unmap_queue_data")]),
        HookId::GnttabUnmapWork => Takes(&[PointerTo("work_struct")]),
        HookId::UnmapGrantPagesDone => Takes(&[Int, PointerTo("gntab_unmap_queue_data")]),
        HookId::DmaBufExport => Gives("dma_buf", &[]),
        HookId::DmaBufDynamicAttach => Gives("dma_buf_attachment", &[PointerTo("dma_buf")]),
        HookId::DmaBufMapAttachment => Gives("sg_table", &[PointerTo("dma_buf_attachment")]),
        HookId::DmabufExpOpsRelease | HookId::DmabufExpOpsAttach | HookId::DmaBufDetach | HookId::DmabufExpOpsDetach => {
            Takes(&[PointerTo("dma_buf")])
        }
        HookId::DmabufExpOpsMapDmaBuf | HookId::DmaBufUnmapAttachment | HookId::DmabufExpOpsUnmapDmaBuf => {
            Takes(&[PointerTo("dma_buf_attachment")])
        }
        _ => return None,
    })
}

/// Whether the probes read arguments of this hook's function, or a pointer that it returns.
pub fn is_read(hook: HookId) -> bool {
    believed(hook).is_some()
}

/// What is wrong with the function, in words; `None`: nothing, or the kernel's BTF does not describe it.
pub fn problem(types: &KernelTypes, hook: HookId, function: &str) -> Option<String> {
    let (returns, arguments) = match believed(hook)? {
        Believed::Takes(arguments) => (None, arguments),
        Believed::Gives(structure, arguments) => (Some(structure), arguments),
    };
    let found = Signature::of(types, function)?;
    let differs = || {
        Some(format!(
            "the kernel's BTF describes it as {function}{found}, which is not what the probes read: please report its version"
        ))
    };
    if found.arguments.len() < arguments.len() || !arguments.iter().zip(&found.arguments).all(|(want, have)| want.is(have)) {
        return differs();
    }
    match returns {
        Some(structure) if found.returns != Shape::PointerTo(structure.to_owned()) => differs(),
        _ => None,
    }
}

impl Argument {
    fn is(self, shape: &Shape) -> bool {
        match self {
            Self::PointerTo(structure) => *shape == Shape::PointerTo(structure.to_owned()),
            Self::Int => *shape == Shape::Number(4),
            Self::Long => *shape == Shape::Number(8),
            Self::Any => true,
        }
    }
}

/// What BTF says of a function.
struct Signature {
    arguments: Vec<Shape>,
    returns: Shape,
}

impl Signature {
    fn of(types: &KernelTypes, function: &str) -> Option<Self> {
        let Some(TypeVariant::Func(function)) = types.named(function) else { return None };
        let Some(TypeVariant::FuncProto(prototype)) = types.numbered(*function.prototype_tid()) else { return None };
        let arguments = prototype.parameter_list().iter().map(|parameter| shape(types, parameter.tid())).collect();
        Some(Self { arguments, returns: shape(types, *prototype.return_tid()) })
    }
}

/// Through names and qualifiers to what a register holds.
fn shape(types: &KernelTypes, id: u32) -> Shape {
    match types.numbered(id) {
        Some(TypeVariant::Ptr(pointer)) => Shape::PointerTo(structure(types, *pointer.tid())),
        Some(TypeVariant::Const(inner)) => shape(types, *inner.tid()),
        Some(TypeVariant::Volatile(inner)) => shape(types, *inner.tid()),
        Some(TypeVariant::Typedef(inner)) => shape(types, *inner.tid()),
        Some(TypeVariant::Int(number)) => Shape::Number(*number.size()),
        Some(TypeVariant::Enum(number)) => Shape::Number(*number.size()),
        Some(TypeVariant::Void) => Shape::Other("void"),
        _ => Shape::Other("?"),
    }
}

/// The name behind a pointer.
fn structure(types: &KernelTypes, id: u32) -> String {
    match types.numbered(id) {
        Some(TypeVariant::Const(inner)) => structure(types, *inner.tid()),
        Some(TypeVariant::Volatile(inner)) => structure(types, *inner.tid()),
        Some(TypeVariant::Struct(structure)) => structure.name().clone().unwrap_or_default(),
        Some(TypeVariant::Fwd(structure)) => structure.name().clone().unwrap_or_default(),
        Some(TypeVariant::Ptr(inner)) => format!("{} *", structure(types, *inner.tid())),
        Some(TypeVariant::Void) => "void".to_owned(),
        _ => "?".to_owned(),
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PointerTo(structure) => write!(f, "{structure} *"),
            Self::Number(bytes) => write!(f, "{}-bit number", bytes * 8),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<_> = self.arguments.iter().map(Shape::to_string).collect();
        write!(f, "({}) -> {}", arguments.join(", "), self.returns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: HookId = HookId::UnmapGrantPagesDone;
    /// Numbers of the types that `kernel` makes, in its order.
    const INT: u32 = 1;
    const LONG: u32 = 2;
    const ITEM: u32 = 4;

    /// BTF, type by type (Documentation/bpf/btf.rst, Linux v6.12).
    #[derive(Default)]
    struct Btf {
        types: Vec<u8>,
        strings: Vec<u8>,
    }

    impl Btf {
        /// A type: its kind, its name, how many members it has, its size or the type that it refers to, and what else follows.
        fn add(mut self, kind: u32, name: &str, members: u32, size_or_type: u32, rest: &[u32]) -> Self {
            // The string at offset 0 is the empty one.
            self.strings.push(0);
            let name_offset = if name.is_empty() { 0 } else { self.strings.len() as u32 };
            self.strings.extend(name.bytes());
            let words = [name_offset, kind << 24 | members, size_or_type].into_iter().chain(rest.iter().copied());
            self.types.extend(words.flat_map(u32::to_le_bytes));
            self
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

    /// A kernel whose only function is `done`, with these arguments.
    fn kernel(arguments: &[u32]) -> KernelTypes {
        let [int, pointer, structure, function, prototype] = [1, 2, 4, 12, 13];
        let parameters: Vec<u32> = arguments.iter().flat_map(|argument| [0, *argument]).collect();
        let btf = Btf::default()
            .add(int, "int", 0, 4, &[1 << 24 | 32])
            .add(int, "long int", 0, 8, &[1 << 24 | 64])
            .add(structure, "gntab_unmap_queue_data", 0, 8, &[])
            .add(pointer, "", 0, 3, &[])
            .add(prototype, "", arguments.len() as u32, 0, &parameters)
            .add(function, "done", 0, 5, &[]);
        KernelTypes::parse(btf.bytes()).expect("BTF that was just made")
    }

    #[test]
    fn a_function_that_is_as_the_probes_believe_has_no_problem() {
        assert_eq!(problem(&kernel(&[INT, ITEM]), HOOK, "done"), None);
    }

    #[test]
    fn arguments_that_came_later_are_none_of_the_probes_business() {
        assert_eq!(problem(&kernel(&[INT, ITEM, LONG]), HOOK, "done"), None);
    }

    #[test]
    fn every_change_of_what_is_read_is_found() {
        let lost = problem(&kernel(&[ITEM]), HOOK, "done");
        let said = "the kernel's BTF describes it as done(gntab_unmap_queue_data *) -> void, which is not what the probes read: \
                    please report its version";
        assert_eq!(lost.as_deref(), Some(said));
        assert!(problem(&kernel(&[ITEM, INT]), HOOK, "done").is_some());
        assert!(problem(&kernel(&[LONG, ITEM]), HOOK, "done").is_some());
        assert!(problem(&kernel(&[INT]), HOOK, "done").is_some());
    }

    #[test]
    fn a_returned_pointer_is_compared_too() {
        let nothing_returned = kernel(&[INT, INT, INT]);
        assert!(problem(&nothing_returned, HookId::GntdevAllocMap, "done").is_some());
    }

    #[test]
    fn of_a_function_that_btf_does_not_describe_nothing_is_claimed() {
        assert_eq!(problem(&kernel(&[INT]), HOOK, "another"), None);
    }
}
