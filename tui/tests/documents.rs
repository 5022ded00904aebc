//! What README.md and docs/ say of `grantscope`: every example command is one.

#[path = "../../docs/examples.rs"]
mod examples;

use clap::Parser;
use grantscope::cli::Cli;

#[test]
fn every_example_in_the_documents_is_a_command_line_of_grantscope() {
    examples::check("grantscope", |words| Cli::try_parse_from(words).map(drop));
}
