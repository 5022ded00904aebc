//! The modules of a crate do not import one another in a circle.
//!
//! A module is a file. It imports another one where it names an item of that one: in a `use`, in a path of an expression or a type, or
//! in a path among the arguments of a macro or an attribute.
//! * An item that a module re-exports is imported from the module that has it, not from those that pass it on.
//! * `mod child;` and `pub use child::Item;` are not imports: a parent that declares its children and passes their items on depends on
//!   none of them. A parent that uses a child's item itself imports the child, and a child that uses an item of its parent imports the
//!   parent; both together are a circle.
//! * Naming a module does not import it; naming an item in it does.
//! * Code that is compiled for tests alone does not count: tests may use everything.
//!
//! Paths are followed as they are written. Method calls, which need types, and names that a macro makes up are not seen.

mod crates;
mod graph;
mod imports;
mod modules;
mod names;

use std::collections::BTreeSet;

use anyhow::Result;

use self::{
    graph::{Arrow, Circle},
    imports::Imports,
};
use super::tree::Tree;

/// Every circle, with the arrow that is the least work to turn.
///
/// # Errors
/// When cargo cannot be asked for the crates.
pub fn findings(tree: &Tree) -> Result<Vec<String>> {
    let mut found = BTreeSet::new();
    for root in crates::roots(&tree.root)? {
        found.extend(of_crate(tree, &root));
    }
    Ok(found.into_iter().collect())
}

/// The circles of the crate whose first file this is.
fn of_crate(tree: &Tree, root: &str) -> Vec<String> {
    let imports = Imports::of(&modules::read(tree, root));
    let arrows: BTreeSet<Arrow> =
        imports.arrows.iter().map(|((from, to), lines)| (from.clone(), to.clone(), lines.len())).collect();
    graph::circles(arrows).iter().map(|circle| describe(circle, &imports)).collect()
}

fn describe(circle: &Circle, imports: &Imports) -> String {
    let (from, to) = &circle.turn;
    let items = &imports.arrows[&(from.clone(), to.clone())];
    let taken: Vec<_> = items.iter().map(|(item, line)| format!("{item} (line {line})")).collect();
    let line = items.values().min().copied().unwrap_or(1);
    let remedy = if graph::leads_up(&circle.turn) {
        "move that to a file beside those that take it"
    } else {
        "move that to a file that imports neither, or hand it over as an argument"
    };
    format!(
        "{from}:{line}: an import circle, {}: turn the arrow {from} -> {to}, which takes {}: {remedy}",
        circle.files.join(" -> "),
        taken.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{super::tree::File, *};

    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| File::new(format!("src/{path}"), *text).unwrap()).collect();
        of_crate(&Tree { root: PathBuf::new(), files }, "src/lib.rs")
    }

    #[test]
    fn two_modules_that_use_each_other_are_a_circle_and_the_arrow_with_fewer_items_is_to_be_turned() {
        let found = circles(&[
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "use crate::b::{f, g};\npub fn h() { f(); g(); }\n"),
            ("b.rs", "pub fn f() {}\npub fn g() { super::a::h() }\n"),
        ]);
        assert_eq!(
            found,
            ["src/b.rs:2: an import circle, src/a.rs -> src/b.rs -> src/a.rs: turn the arrow src/b.rs -> src/a.rs, which takes \
              h (line 2): move that to a file that imports neither, or hand it over as an argument"]
        );
    }

    #[test]
    fn a_parent_that_passes_a_childs_item_on_imports_nothing_and_its_siblings_import_the_child() {
        let passes_on = [
            ("lib.rs", "mod p;\n"),
            ("p/mod.rs", "mod a;\nmod b;\npub use a::A;\n"),
            ("p/a.rs", "pub struct A;\n"),
            ("p/b.rs", "use super::A;\nfn f(_: A) {}\n"),
        ];
        assert!(circles(&passes_on).is_empty());
        let uses = [
            ("lib.rs", "mod p;\n"),
            ("p/mod.rs", "mod a;\npub struct P;\npub fn f() -> a::A { a::A }\n"),
            ("p/a.rs", "pub struct A;\nimpl A { fn g(&self) -> super::P { super::P } }\n"),
        ];
        let found = circles(&uses);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("src/p/a.rs -> src/p/mod.rs"), "{found:?}");
    }

    #[test]
    fn tests_may_use_everything() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "pub fn f() { crate::b::g() }\n"),
            ("b.rs", "pub fn g() {}\n#[cfg(test)]\nmod tests { use crate::a::f; }\n#[test]\nfn t() { crate::a::f() }\n"),
        ];
        assert!(circles(&files).is_empty());
    }

    #[test]
    fn paths_among_the_arguments_of_macros_and_attributes_and_names_from_globs_count() {
        let by_macro = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "pub fn f() { println!(\"{}\", crate::b::g()) }\n"),
            ("b.rs", "use crate::a::*;\npub fn g() { f() }\n"),
        ];
        assert_eq!(circles(&by_macro).len(), 1);
        let by_attribute = [
            ("lib.rs", "mod a;\nmod b;\n"),
            ("a.rs", "#[derive(Args)]\npub struct A { #[arg(value_parser = crate::b::parser())] x: u32 }\n"),
            ("b.rs", "pub fn parser() -> super::a::A { todo() }\n"),
        ];
        assert_eq!(circles(&by_attribute).len(), 1);
    }

    #[test]
    fn a_circle_of_three_and_a_module_that_is_named_by_a_use_are_found() {
        let files = [
            ("lib.rs", "mod a;\nmod b;\nmod c;\n"),
            ("a.rs", "use crate::b;\npub fn f() { b::f() }\n"),
            ("b.rs", "pub fn f() { crate::c::f() }\n"),
            ("c.rs", "use crate::a as first;\npub fn f() { first::f() }\n"),
        ];
        let found = circles(&files);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("src/a.rs -> src/b.rs -> src/c.rs -> src/a.rs"), "{found:?}");
    }
}
