//! What README.md and docs/ say of `grantscope`: example commands, keys, exit codes, kinds of loss, hooks and stages.

#[path = "../../docs/examples.rs"]
mod examples;

use grantscope::commands::command_line;
use grantscope::config::read::Config;
use grantscope::screen::palette::Palette;
use grantscope::screen::views;
use grantscope_wire::Stage;
use grantscope_wire::hook::{Ends, HOOKS};
use grantscope_wire::loss::LossKind;

const COMMANDS: &str = include_str!("../../docs/commands.md");
const CONFIGURATION: &str = include_str!("../../docs/configuration.md");
const STAGES: &str = include_str!("../../docs/stages.md");
const TRUST: &str = include_str!("../../docs/trust.md");

#[test]
fn every_example_in_the_documents_is_a_command_line_of_grantscope() {
    examples::check("grantscope", |words| command_line().try_get_matches_from(words).map(drop));
}

/// The rows of the table below a heading, without the table's own heading.
fn rows<'a>(document: &'a str, heading: &str) -> Vec<&'a str> {
    let section = document.split("\n## ").find(|section| section.starts_with(heading)).expect(heading);
    section.lines().filter(|line| line.starts_with('|')).skip(2).collect()
}

#[test]
fn the_documents_list_the_keys_of_the_key_table() {
    let keys = views::keys();
    let expected: Vec<_> =
        keys.all().iter().map(|binding| format!("| `{}` | `{}` | {} |", binding.shown, binding.name(), binding.about)).collect();
    let known = rows(COMMANDS, "Keys");
    if std::env::var_os("GRANTSCOPE_UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/commands.md");
        std::fs::write(path, COMMANDS.replace(&known.join("\n"), &expected.join("\n"))).unwrap();
    } else {
        assert_eq!(
            known, expected,
            "GRANTSCOPE_UPDATE_DOCS=1 cargo test -p grantscope --test documents writes docs/commands.md anew"
        );
    }
}

/// The example in the document is read, and the roles there are those of the palette.
#[test]
fn the_document_of_the_configuration_says_what_can_be_in_it() {
    let mut examples = CONFIGURATION.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let config = examples.next().map(|text| Config::parse(text.as_bytes()).unwrap_or_else(|mistake| panic!("{mistake}: {text}")));
    assert_eq!(config.map(|config| config.mouse), Some(Some(false)));
    assert_eq!(examples.next(), None);
    let first = |row: &str| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let documented: Vec<_> = rows(CONFIGURATION, "Colours").into_iter().flat_map(first).collect();
    assert_eq!(documented, Palette::names().collect::<Vec<_>>(), "docs/configuration.md, Colours");
}

/// The end of the main help text, which is made of the table of exit codes.
#[test]
fn the_documents_list_the_exit_codes_of_the_help_text() {
    let help = command_line().render_long_help().to_string();
    let (_, codes) = help.split_once("\nExit codes:\n").expect("the help text ends with the exit codes");
    let codes: String = codes.trim_end().lines().map(|line| format!("{}\n", line.strip_prefix("  ").unwrap_or(line))).collect();
    assert!(COMMANDS.ends_with(&format!("```text\n{codes}```\n")), "docs/commands.md ends with another list than:\n{codes}");
}

#[test]
fn the_documents_list_every_kind_of_loss() {
    let row = |kind: &LossKind| {
        let vanishes = if kind.loses_operations() { "yes" } else { "no" };
        format!("| `{}` | {vanishes} | {} |", kind.name(), kind.about())
    };
    let expected: Vec<_> = LossKind::ALL.iter().map(row).collect();
    assert_eq!(rows(TRUST, "Lost data"), expected, "put this table into docs/trust.md:\n{}", expected.join("\n"));
}

/// Lines such as `├ gntdev_alloc_map  ●  page_array_alloc  a remark`.
#[test]
fn the_call_trees_name_hooks_and_stages_that_there_are() {
    for (mark, is_hooked) in [('●', Ends::Both), ('○', Ends::Entry)] {
        let lines = STAGES.lines().filter_map(|line| line.split_once(mark)).filter(|(function, _)| !function.contains('`'));
        let mut seen = 0;
        for (function, stage) in lines {
            let function = function.trim_matches([' ', '├', '└', '│']);
            let hook = HOOKS.iter().find(|hook| hook.stem() == function);
            assert_eq!(hook.map(|hook| hook.ends), Some(is_hooked), "docs/stages.md: {function}");
            let stage = stage.split_whitespace().next().unwrap_or_default();
            assert!(stage == "–" || Stage::ALL.iter().any(|known| known.name() == stage), "docs/stages.md: {stage}");
            seen += 1;
        }
        assert!(seen > 10, "docs/stages.md has no call trees");
    }
}
