//! Makes the results that people read from what a run left.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::command;

/// What the viewer ends with when the recording breaks off: everything before that was used.
const PARTIAL: i32 = 4;

/// Writes `results.csv` beside the recording.
pub fn export_csv(viewer: &Path, out: &Path) -> Result<()> {
    let mut export = Command::new(viewer);
    export.args(["export", "--format", "csv"]).arg(out.join("recording.gsr")).arg("-o").arg(out.join("results.csv"));
    run(&mut export).context("the recording is kept, but results.csv could not be made from it")
}

/// Runs the viewer; of a recording that breaks off it makes what it can, and its warning is passed on.
fn run(viewer: &mut Command) -> Result<()> {
    let output = viewer.output().with_context(|| format!("cannot start: {}", command::shown(viewer)))?;
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => {}
        Some(PARTIAL) => eprint!("{said}"),
        _ => bail!("{}: {}\n{}", command::shown(viewer), command::ended(output.status), command::last_lines(&said)),
    }
    Ok(())
}
