//! What README.md, CONTRIBUTING.md and docs/ say of `cargo xtask`: every example command is one, and every check that is named exists.

use clap::Parser;

use crate::{Cli, Verb, checks};

#[path = "../../docs/examples.rs"]
mod examples;

#[test]
fn every_example_in_the_documents_is_a_command_line_of_xtask() {
    for example in examples::check("xtask", |words| Cli::try_parse_from(words).map(drop)) {
        let Ok(Cli { verb: Verb::Test(arguments) }) = Cli::try_parse_from(&example.words) else { continue };
        let Some(part) = arguments.only else { continue };
        let mut all = checks::ALL.iter().chain(checks::ON_DEMAND);
        assert!(all.any(|check| check.name.contains(&part)), "{}: no check has {part:?} in its name", example.place);
    }
}
