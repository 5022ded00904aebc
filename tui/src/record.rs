//! `grantscope record`: the probes' operations become a recording.

use anyhow::Result;

use crate::cli::RecordArgs;
use crate::exit::Exit;

/// Runs the command.
#[cfg(not(feature = "capture"))]
pub fn run(_args: &RecordArgs) -> Result<Exit> {
    anyhow::bail!("this grantscope is a viewer: it cannot record; build it with `--features capture` (see README.md)")
}

/// Runs the command.
#[cfg(feature = "capture")]
pub fn run(_args: &RecordArgs) -> Result<Exit> {
    anyhow::bail!("recording is not plugged in yet")
}
