//! Rules that the tree keeps to, as static checks: each names what to edit. `cargo xtask tidy` runs them alone.
//!
//! To add one: a folder here with a function from the [`Tree`] to its findings, and a line in [`RULES`].

mod circles;
mod headers;
mod machine_paths;
mod sizes;
mod syntax;
mod tree;

use anyhow::Result;

pub use tree::Tree;

/// One rule.
pub struct Rule {
    /// What it asks for, as a sentence.
    pub name: &'static str,
    /// Every place that breaks it, each with what to edit.
    pub findings: fn(&Tree) -> Result<Vec<String>>,
}

/// All rules.
pub const RULES: &[Rule] = &[
    Rule { name: "tidy: files import one another one way", findings: circles::findings },
    Rule { name: "tidy: files and functions are short", findings: sizes::findings },
    Rule { name: "tidy: every file begins with what it does", findings: headers::findings },
    Rule { name: "tidy: no file names a place on a developer's machine", findings: machine_paths::findings },
];
