//! What the probes read of the functions that they watch, compared with what the running kernel's BTF says of them.
//!
//! Kernels change signatures without notice, and a probe would then read one argument for another: so it is not a version number that
//! decides, but the kernel itself. What is read stands in the hook's row, and the probes cannot read anything else.

use std::fmt;

use grantscope_wire::Hook;
use grantscope_wire::hook::Shape;

use crate::btf::{KernelTypes, Kind, Types};
use crate::symbols::Symbol;

/// A type, as far as it matters to who reads a register.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    /// A pointer to this: a structure, or `<structure> *`.
    PointerTo(String),
    /// An integer of this many bytes.
    Number(usize),
    /// Nothing that the probes read.
    Other(&'static str),
}

/// Why the probes would take something else for what they read of this function, in words; `None`: they would not, or they read
/// nothing, or the kernel's BTF does not describe the function.
pub fn problem(types: &KernelTypes, hook: &Hook, symbol: &Symbol) -> Option<String> {
    if !hook.is_read() {
        return None;
    }
    if symbol.is_suffixed() {
        return Some("the compiler has changed the function, and nothing shows which arguments are left".to_owned());
    }
    differs(hook, &symbol.name, Signature::of_function(types, symbol)?)
}

/// The same of a tracepoint.
pub fn tracepoint_problem(types: &KernelTypes, hook: &Hook, name: &str) -> Option<String> {
    differs(hook, name, Signature::of_tracepoint(types, name)?)
}

fn differs(hook: &Hook, name: &str, found: Signature) -> Option<String> {
    (!found.has(hook)).then(|| {
        format!("the kernel's BTF describes it as {name}{found}, which is not what the probes read: please report its version")
    })
}

/// What BTF says of a function.
struct Signature {
    arguments: Vec<Found>,
    returns: Found,
}

impl Signature {
    /// As what it is in describes it: another function may have the same name.
    fn of_function(types: &KernelTypes, symbol: &Symbol) -> Option<Self> {
        let (types, function) = types.function(&symbol.name, symbol.module.as_deref())?;
        Self::of(types, types.numbered(function)?.size_or_type)
    }

    /// `typedef void (*btf_trace_<name>)(void *__data, <arguments>)` (include/trace/bpf_probe.h, Linux v6.12).
    fn of_tracepoint(types: &KernelTypes, name: &str) -> Option<Self> {
        let (types, handler) = types.typedef(&format!("btf_trace_{name}"))?;
        let handler = types.numbered(handler.size_or_type).filter(|handler| handler.kind == Kind::Pointer)?;
        let mut signature = Self::of(types, handler.size_or_type)?;
        signature.arguments.drain(..1.min(signature.arguments.len()));
        Some(signature)
    }

    fn of(types: Types<'_>, prototype: u32) -> Option<Self> {
        let prototype = types.numbered(prototype).filter(|prototype| prototype.kind == Kind::Prototype)?;
        let arguments = prototype.arguments().map(|argument| found(types, argument)).collect();
        Some(Self { arguments, returns: found(types, prototype.size_or_type) })
    }

    /// Whether all that the probes read is there.
    fn has(&self, hook: &Hook) -> bool {
        let arguments = hook.arguments;
        self.arguments.len() >= arguments.len()
            && arguments.iter().zip(&self.arguments).all(|(read, found)| found.is(*read))
            && self.returns.is(hook.returns)
    }
}

impl Found {
    fn is(&self, read: Shape) -> bool {
        match read {
            Shape::Unread => true,
            Shape::Pointer(structure) => *self == Self::PointerTo(structure.to_owned()),
            Shape::Pointers(structure) => *self == Self::PointerTo(format!("{structure} *")),
            Shape::Int => *self == Self::Number(4),
            Shape::Long => *self == Self::Number(8),
        }
    }
}

/// Through names and qualifiers to what a register holds.
fn found(types: Types<'_>, id: u32) -> Found {
    let Some(this) = types.numbered(id) else { return Found::Other(if id == 0 { "void" } else { "?" }) };
    match this.kind {
        Kind::Pointer => Found::PointerTo(structure(types, this.size_or_type)),
        Kind::Const | Kind::Volatile | Kind::Typedef => found(types, this.size_or_type),
        Kind::Int | Kind::Enum => Found::Number(this.size_or_type as usize),
        _ => Found::Other("?"),
    }
}

/// The name behind a pointer.
fn structure(types: Types<'_>, id: u32) -> String {
    let Some(this) = types.numbered(id) else { return if id == 0 { "void" } else { "?" }.to_owned() };
    match this.kind {
        Kind::Const | Kind::Volatile => structure(types, this.size_or_type),
        Kind::Struct | Kind::Forward => this.name.to_owned(),
        Kind::Pointer => format!("{} *", structure(types, this.size_or_type)),
        _ => "?".to_owned(),
    }
}

impl fmt::Display for Found {
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
        let arguments: Vec<_> = self.arguments.iter().map(Found::to_string).collect();
        write!(f, "({}) -> {}", arguments.join(", "), self.returns)
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::hook::rows;
    use grantscope_wire::{HOOKS, Row};

    use super::*;
    use crate::btf::made::{FUNCTION, INTEGER, Made, POINTER, PROTOTYPE, STRUCTURE, TYPEDEF};

    /// Of a function that takes an int and an item.
    const HOOK: Hook = Hook {
        arguments: &[Shape::Int, Shape::Pointer("gntab_unmap_queue_data")],
        returns: Shape::Unread,
        ..rows::GnttabUnmapRefsAsync::HOOK
    };
    /// Numbers of the types that `kernel` makes, in its order.
    const INT: u32 = 1;
    const LONG: u32 = 2;
    const ITEM: u32 = 4;
    const PAGE: u32 = 8;
    const PAGES: u32 = 9;
    const MAP_OPS: u32 = 11;
    const NOTHING: u32 = 12;
    /// Of what follows them.
    const NEXT: u32 = 16;

    /// A kernel whose only function is `done`, and whose only tracepoint is `passed`, with these arguments.
    fn kernel(arguments: &[u32]) -> KernelTypes {
        made(arguments).types()
    }

    fn made(arguments: &[u32]) -> Made {
        let parameters = |types: &[u32]| types.iter().flat_map(|argument| [0, *argument]).collect::<Vec<_>>();
        let handler = [&[ITEM], arguments].concat();
        Made::default()
            .add(INTEGER, "int", 0, 4, &[1 << 24 | 32])
            .add(INTEGER, "long int", 0, 8, &[1 << 24 | 64])
            .add(STRUCTURE, "gntab_unmap_queue_data", 0, 8, &[])
            .add(POINTER, "", 0, 3, &[])
            .add(PROTOTYPE, "", arguments.len() as u32, 0, &parameters(arguments))
            .add(FUNCTION, "done", 0, 5, &[])
            .add(STRUCTURE, "page", 0, 8, &[])
            .add(POINTER, "", 0, 7, &[])
            .add(POINTER, "", 0, 8, &[])
            .add(STRUCTURE, "gnttab_map_grant_ref", 0, 8, &[])
            .add(POINTER, "", 0, 10, &[])
            .add(POINTER, "", 0, 0, &[])
            .add(PROTOTYPE, "", handler.len() as u32, 0, &parameters(&handler))
            .add(POINTER, "", 0, 13, &[])
            .add(TYPEDEF, "btf_trace_passed", 0, 14, &[])
    }

    fn symbol(name: &str) -> Symbol {
        Symbol { name: name.to_owned(), address: 1, module: None }
    }

    fn problem_of(hook: &Hook, arguments: &[u32]) -> Option<String> {
        problem(&kernel(arguments), hook, &symbol("done"))
    }

    #[test]
    fn a_function_that_is_as_the_row_says_has_no_problem() {
        assert_eq!(problem_of(&HOOK, &[INT, ITEM]), None);
    }

    #[test]
    fn arguments_that_came_later_are_none_of_the_probes_business() {
        assert_eq!(problem_of(&HOOK, &[INT, ITEM, LONG]), None);
    }

    #[test]
    fn every_change_of_what_is_read_is_found() {
        let lost = problem_of(&HOOK, &[ITEM]);
        let said = "the kernel's BTF describes it as done(gntab_unmap_queue_data *) -> void, which is not what the probes read: \
                    please report its version";
        assert_eq!(lost.as_deref(), Some(said));
        assert!(problem_of(&HOOK, &[ITEM, INT]).is_some());
        assert!(problem_of(&HOOK, &[LONG, ITEM]).is_some());
        assert!(problem_of(&HOOK, &[INT]).is_some());
    }

    #[test]
    fn a_pointer_to_pointers_is_distinguished_from_a_pointer() {
        let hook = Hook { returns: Shape::Unread, ..rows::GnttabMapRefs::HOOK };
        assert_eq!(problem_of(&hook, &[MAP_OPS, MAP_OPS, PAGES, INT]), None);
        assert!(problem_of(&hook, &[MAP_OPS, MAP_OPS, PAGE, INT]).is_some());
    }

    #[test]
    fn what_is_returned_is_compared_too() {
        assert!(problem_of(&rows::GntdevAllocMap::HOOK, &[INT, INT, INT]).is_some());
        assert!(problem_of(&rows::GnttabAllocPages::HOOK, &[]).is_some());
    }

    #[test]
    fn of_a_function_that_btf_does_not_describe_nothing_is_claimed() {
        assert_eq!(problem(&kernel(&[INT]), &HOOK, &symbol("another")), None);
    }

    #[test]
    fn a_function_of_a_module_is_compared_with_what_the_module_has() {
        const MODULE: &str = "xen_gntdev";
        let kernel = || made(&[INT, ITEM]);
        // Behind the kernel's types: a prototype of an item and an int, and the function.
        let prototype = NEXT;
        let module = Made::split_from(&kernel().bytes()).add(PROTOTYPE, "", 2, 0, &[0, ITEM, 0, INT]);
        let module = module.add(FUNCTION, "done", 0, prototype, &[]).bytes();
        let types = KernelTypes::parse(kernel().bytes(), [(MODULE, module)]).expect("BTF that was just made");
        let of = |module: Option<&str>| problem(&types, &HOOK, &Symbol { module: module.map(str::to_owned), ..symbol("done") });
        assert_eq!(of(None), None);
        assert!(of(Some(MODULE)).is_some_and(|problem| problem.contains("done(gntab_unmap_queue_data *, 32-bit number)")));
        assert_eq!(of(Some("xen_gntalloc")), None, "the kernel does not describe that module");
    }

    #[test]
    fn a_suffixed_function_is_refused_where_anything_of_it_is_read() {
        let suffixed = |hook: &Hook| problem(&kernel(&[INT, ITEM]), hook, &symbol("done.part.0"));
        let (read, unread): (Vec<_>, Vec<_>) = HOOKS.iter().partition(|hook| hook.is_read());
        assert!(read.into_iter().all(|hook| suffixed(hook).is_some()));
        assert!(unread.into_iter().all(|hook| suffixed(hook).is_none()));
    }

    #[test]
    fn a_tracepoint_is_compared_behind_the_argument_that_is_the_kernels_own() {
        let problem = |arguments: &[u32]| tracepoint_problem(&kernel(arguments), &rows::ContentionBegin::HOOK, "passed");
        assert_eq!(problem(&[NOTHING, INT]), None);
        assert!(problem(&[INT, NOTHING]).is_some());
    }
}
