//! What README.md and docs/ say of `grantscope-workload`: every example command is one.

#[path = "../../../docs/examples.rs"]
mod examples;

use clap::Parser;
use grantscope_workload::cli::Cli;

#[test]
fn every_example_in_the_documents_is_a_command_line_of_the_workload() {
    examples::check("grantscope-workload", |words| Cli::try_parse_from(words).map(drop));
}
