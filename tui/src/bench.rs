//! `grantscope bench`: the load generator under the probes, watched.

use anyhow::Result;

use crate::cli::BenchArgs;
use crate::exit::Exit;

/// Runs the command.
#[cfg(not(feature = "capture"))]
pub fn run(_args: &BenchArgs) -> Result<Exit> {
    anyhow::bail!("this grantscope is a viewer: it cannot run the benchmark; build it with `--features capture` (see README.md)")
}

/// Runs the command.
#[cfg(feature = "capture")]
pub fn run(_args: &BenchArgs) -> Result<Exit> {
    anyhow::bail!("the benchmark is not plugged in yet")
}
