//! What README.md and docs/ say of `grantscope`: example commands, keys, and kinds of loss.

#[path = "../../docs/examples.rs"]
mod examples;

use clap::Parser;
use grantscope::cli::Cli;
use grantscope::screen::keys::BINDINGS;
use grantscope_wire::loss::LossKind;

const COMMANDS: &str = include_str!("../../docs/commands.md");
const TRUST: &str = include_str!("../../docs/trust.md");

#[test]
fn every_example_in_the_documents_is_a_command_line_of_grantscope() {
    examples::check("grantscope", |words| Cli::try_parse_from(words).map(drop));
}

/// The rows of the table below a heading, without the table's own heading.
fn rows<'a>(document: &'a str, heading: &str) -> Vec<&'a str> {
    let section = document.split("\n## ").find(|section| section.starts_with(heading)).expect(heading);
    section.lines().filter(|line| line.starts_with('|')).skip(2).collect()
}

#[test]
fn the_documents_list_the_keys_of_the_key_table() {
    let expected: Vec<_> = BINDINGS.iter().map(|binding| format!("| `{}` | {} |", binding.shown, binding.about)).collect();
    let table = expected.join("\n");
    assert_eq!(rows(COMMANDS, "Keys"), expected, "put this table into docs/commands.md:\n{table}");
}

#[test]
fn the_documents_list_every_kind_of_loss() {
    let row = |kind: &LossKind| {
        let vanishes = if kind.loses_operations() { "yes" } else { "no" };
        format!("| `{}` | {vanishes} | {} |", kind.name(), kind.about())
    };
    let expected: Vec<_> = LossKind::ALL.iter().map(row).collect();
    assert_eq!(rows(TRUST, "What is lost"), expected, "put this table into docs/trust.md:\n{}", expected.join("\n"));
}
