//! `cargo xtask bench`: what the tool itself costs, measured in the lab. Each measure has a file.

mod recorder;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Measure {
    /// The recorder: time until it has attached its hooks, memory, CPU per operation
    Recorder(recorder::Arguments),
}

/// Measures.
///
/// # Errors
/// When the lab cannot be set up, or the run fails.
pub fn run(measure: &Measure) -> Result<ExitCode> {
    match measure {
        Measure::Recorder(arguments) => recorder::run(arguments),
    }
}
