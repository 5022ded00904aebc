//! `cargo xtask bench`: what grantscope itself costs, measured on the main platform. Each measure has a file.

mod collector;
pub mod document;
mod job;
mod loss;
mod medians;
mod modules;
pub mod overhead;
pub mod probes;
mod recorder;
pub mod truth;
mod view;

use std::process::ExitCode;

use anyhow::Result;

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Measures what recording adds to calls that map and export grants, against the same calls alone in the same boot
    Overhead(overhead::Arguments),
    /// Measures how far what a recording says of a call is from what is true of it
    Truth(truth::Arguments),
    /// Measures the size of every program: instructions, stack, what the verifier walks
    Probes(probes::Arguments),
    /// Measures what the recorder loses: of four threads as fast as they go, and of real records up to ten times as fast
    Loss(loss::Arguments),
    /// Measures what recording adds to calls where gntdev is a module: with fentry in modules, with kprobes there, with kprobes alone
    Modules(modules::Arguments),
    /// Measures how fast recordings are written, read, added up and exported, on this machine and without a boot
    Collector(collector::Arguments),
    /// Measures the recorder: time until it has attached its hooks, memory, CPU per operation
    Recorder(recorder::Arguments),
    /// Measures what watching costs on this machine: time, processor, bytes to the terminal and memory of every view, without a boot
    View(view::Arguments),
}

/// Measures it, and prints a table.
///
/// # Errors
/// When the lab cannot be set up, or a run in it fails.
pub fn run(verb: &Verb) -> Result<ExitCode> {
    match verb {
        Verb::Collector(arguments) => collector::run(arguments),
        Verb::Loss(arguments) => loss::run(arguments),
        Verb::Modules(arguments) => modules::run(arguments),
        Verb::Overhead(arguments) => overhead::run(arguments),
        Verb::Probes(arguments) => probes::run(arguments),
        Verb::Recorder(arguments) => recorder::run(arguments),
        Verb::Truth(arguments) => truth::run(arguments),
        Verb::View(arguments) => view::run(arguments),
    }
}
