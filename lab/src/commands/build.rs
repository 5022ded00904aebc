//! `cargo xtask build`: the probes and our programs, for the lab or for this machine.

use anyhow::Result;

use crate::{cache::Cache, fetch::Consent, platform, programs, setup};

/// Arguments of `build`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Build for this machine instead, to profile its own Xen
    #[arg(long)]
    pub native: bool,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Builds, and prints where the programs are.
///
/// # Errors
/// When the compilers cannot be provided, or a program does not compile.
pub fn run(arguments: &Arguments) -> Result<()> {
    let compilers = setup::compilers(&Cache::open()?, Consent::new(arguments.yes), &[platform::MAIN])?;
    if arguments.native {
        println!("{}", programs::native(&compilers)?.display());
        return Ok(());
    }
    let ours = programs::for_lab(&compilers, platform::MAIN.architecture)?;
    for program in [ours.grantscope, ours.workload, programs::viewer()?] {
        println!("{}", program.display());
    }
    Ok(())
}
