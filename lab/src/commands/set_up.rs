//! `cargo xtask setup`: fetches and builds what the lab needs before anything else is asked of it.

use anyhow::Result;

use crate::{
    cache::Cache,
    fetch::Consent,
    platform::{self, Platform},
    setup,
};

/// Arguments of `setup`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Also prepare every other platform: more machines and kernels
    #[arg(long, alias = "all-benches")]
    pub all_platforms: bool,
    /// Agree to everything
    #[arg(long)]
    pub yes: bool,
}

/// Provides everything, and prints where the kernels are.
///
/// # Errors
/// When something cannot be provided, or the person does not agree.
pub fn run(arguments: &Arguments) -> Result<()> {
    let cache = Cache::open()?;
    let consent = Consent::new(arguments.yes);
    let platforms: Vec<&'static Platform> =
        if arguments.all_platforms { platform::ALL.iter().collect() } else { vec![platform::MAIN] };
    setup::compilers(&cache, consent, &platforms)?;
    for platform in platforms {
        let kernel = setup::parts(&cache, consent, platform)?.kernel;
        println!("{:<18} {}", platform.name, kernel.vmlinux.unwrap_or(kernel.image).display());
    }
    println!("everything is ready; `cargo xtask demo` runs it");
    Ok(())
}
