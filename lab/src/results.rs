//! Makes the results that people read from what a run left.

use std::{path::Path, process::Command};

use anyhow::{Context, Result};

use crate::command;

/// Writes `results.csv` beside the recording.
pub fn export_csv(viewer: &Path, out: &Path) -> Result<()> {
    let mut export = Command::new(viewer);
    export.args(["export", "--format", "csv"]).arg(out.join("recording.gsr")).arg("-o").arg(out.join("results.csv"));
    command::output(&mut export).map(drop).context("the recording is kept, but results.csv could not be made from it")
}

/// The summary table of a recording, as text.
pub fn summary(viewer: &Path, out: &Path) -> Result<String> {
    command::output(Command::new(viewer).arg("summary").arg(out.join("recording.gsr")))
        .context("the recording is kept, but no summary could be made from it")
}
