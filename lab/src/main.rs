//! `cargo xtask`: the one entry to building, booting, testing and showing grantscope. Each verb has a file in commands/.

mod architecture;
mod bench;
mod boot;
mod cache;
mod checks;
mod clock;
mod command;
mod commands;
#[cfg(test)]
mod documents;
mod guest;
mod kernel;
mod lab;
mod place;
mod programs;
mod progress;
mod results;
mod setup;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    bench::BenchSpec,
    cache::Cache,
    commands::{clean, demo, lab_run, lab_shell, test},
    setup::Consent,
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
    /// Installs, downloads and builds what the lab needs, and says what and why before it touches the system
    Setup {
        /// Also what every other bench needs: more machines and kernels
        #[arg(long)]
        all_benches: bool,
        /// Agree to everything
        #[arg(long)]
        yes: bool,
    },
    /// Builds the probes, the programs for the lab, and the viewer
    Build {
        /// Build for this machine instead, to profile its own Xen
        #[arg(long)]
        native: bool,
        /// Agree to everything that setup would ask
        #[arg(long)]
        yes: bool,
    },
    /// From nothing to a live view: sets up, builds, boots the lab, runs the benchmark, prints a summary
    Demo(demo::Arguments),
    /// Checks formatting and lints, runs the unit tests, then the lab's checks
    Test(test::Arguments),
    /// Runs something in the lab
    #[command(subcommand)]
    Lab(LabVerb),
    /// Removes the cache with everything downloaded and built for the lab
    Clean,
}

#[derive(Debug, Subcommand)]
enum LabVerb {
    /// Records one run of the workload, or of a program of yours, and brings the results back
    Run(lab_run::Arguments),
    /// Gives you a dom0 on this terminal
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
        Verb::Setup { all_benches, yes } => set_up(all_benches, yes).map(|()| ExitCode::SUCCESS),
        Verb::Build { native, yes } => build(native, yes).map(|()| ExitCode::SUCCESS),
        Verb::Demo(arguments) => demo::run(&arguments),
        Verb::Test(arguments) => test::run(&arguments),
        Verb::Lab(LabVerb::Run(arguments)) => lab_run::run(&arguments),
        Verb::Lab(LabVerb::Shell(arguments)) => lab_shell::run(&arguments),
        Verb::Clean => clean::run().map(|()| ExitCode::SUCCESS),
    }
}

fn set_up(all_benches: bool, yes: bool) -> Result<()> {
    let cache = Cache::open()?;
    let consent = Consent::new(yes);
    let benches: Vec<&'static BenchSpec> = if all_benches { bench::ALL.iter().collect() } else { vec![bench::MAIN] };
    setup::compilers(&cache, consent, &benches)?;
    for spec in benches {
        let kernel = setup::bench(&cache, consent, spec)?.kernel;
        println!("{:<18} {}", spec.name, kernel.vmlinux.unwrap_or(kernel.image).display());
    }
    println!("everything is there; `cargo xtask demo` shows it at work");
    Ok(())
}

fn build(native: bool, yes: bool) -> Result<()> {
    let compilers = setup::compilers(&Cache::open()?, Consent::new(yes), &[bench::MAIN])?;
    if native {
        println!("{}", programs::native(&compilers)?.display());
        return Ok(());
    }
    let ours = programs::for_lab(&compilers, bench::MAIN.architecture)?;
    for program in [ours.grantscope, ours.workload, programs::viewer()?] {
        println!("{}", program.display());
    }
    Ok(())
}
