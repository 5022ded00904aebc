//! `cargo xtask`: the one entry to building, booting, testing and showing grantscope. Each verb has a file in commands/.

mod boot;
mod cache;
mod checks;
mod command;
mod commands;
#[cfg(test)]
mod documents;
mod fetch;
mod guest;
mod kernel;
mod lab;
mod package;
mod place;
mod platform;
mod programs;
mod progress;
mod results;
mod setup;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::commands::{
    bench, build, clean, demo, fuzz, lab_run, lab_shell, package as package_all, set_up, test, tidy as tidy_alone,
};

/// Builds, boots, tests and shows grantscope in a lab: real domains on a real Xen under QEMU.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Installs, downloads and builds what the lab needs; lists it with reasons before it changes the system
    Setup(set_up::Arguments),
    /// Builds the probes, the programs for the lab, and the viewer
    Build(build::Arguments),
    /// Packs both programs for boards of each architecture: a tarball and a .deb, with man pages, completions and documents
    Package(package_all::Arguments),
    /// Sets up, builds, boots the lab, runs the benchmark in a live view, and prints a summary
    Demo(demo::Arguments),
    /// Checks formatting, the rules of `tidy` and lints, runs the unit tests, then the lab's checks
    Test(test::Arguments),
    /// Checks that the tree keeps to its rules: imports, sizes, headers; a part of `test`
    Tidy,
    /// Runs every reader on mutated inputs, in little memory and time, for as long as is wanted
    Fuzz(fuzz::Arguments),
    /// Measures in the lab what grantscope itself costs
    #[command(subcommand)]
    Bench(bench::Verb),
    /// Runs something in the lab
    #[command(subcommand)]
    Lab(LabVerb),
    /// Removes the cache with everything downloaded and built for the lab
    Clean,
}

#[derive(Debug, Subcommand)]
enum LabVerb {
    /// Records one run of the workload or of your program, and copies the results back
    Run(lab_run::Arguments),
    /// Opens a shell in dom0 on this terminal
    Shell(lab_shell::Arguments),
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode> {
    match verb {
        Verb::Setup(arguments) => set_up::run(&arguments).map(|()| ExitCode::SUCCESS),
        Verb::Build(arguments) => build::run(&arguments).map(|()| ExitCode::SUCCESS),
        Verb::Package(arguments) => package_all::run(&arguments).map(|()| ExitCode::SUCCESS),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Tidy => tidy_alone::run(),
        Verb::Fuzz(arguments) => fuzz::run(&arguments),
        Verb::Bench(verb) => bench::run(&verb),
        Verb::Lab(LabVerb::Run(arguments)) => lab_run::run(&arguments),
        Verb::Lab(LabVerb::Shell(arguments)) => lab_shell::run(&arguments),
        Verb::Clean => clean::run().map(|()| ExitCode::SUCCESS),
    }
}
