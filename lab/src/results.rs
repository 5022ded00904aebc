//! The results that people read, made from what a run left.

use std::{
    fs::{self, File},
    io::BufReader,
    path::Path,
};

use anyhow::{Context, Result};
use grantscope_analysis::{
    error_chain,
    recording::{ReadError, Reader},
    report::export::csv as export,
    series::Aggregate,
};

/// Results of an earlier run must not pass for this one's.
///
/// # Errors
/// When a file is there and cannot be removed.
pub fn remove_old(out: &Path) -> Result<()> {
    for name in ["recording.gsr", "results.csv", "truth.json", "console.log", "stdout", "stderr", "status", "dmesg"] {
        match fs::remove_file(out.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove the old {name} in {}", out.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Writes `results.csv` beside the recording. Of a recording that breaks off it has everything before that.
///
/// # Errors
/// When the recording cannot be read at all, or the file cannot be written.
pub fn export_csv(out: &Path) -> Result<()> {
    let written = || -> Result<()> {
        let mut csv = Vec::new();
        export::csv(&read(&out.join("recording.gsr"))?, &mut csv)?;
        let path = out.join("results.csv");
        fs::write(&path, csv).with_context(|| format!("cannot write {}", path.display()))
    };
    written().context("the recording is kept, but results.csv could not be made from it")
}

/// The aggregate of the recording; a recording that breaks off is reported on standard error.
fn read(path: &Path) -> Result<Aggregate> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = Reader::open(BufReader::new(file))?;
    let mut aggregate = Aggregate::default();
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => aggregate.add(&frame),
            Ok(None) => return Ok(aggregate),
            Err(error @ (ReadError::NotARecording | ReadError::TooNew { .. })) => return Err(error.into()),
            Err(error) => {
                eprintln!("warning: {}: {}", path.display(), error_chain(&error));
                return Ok(aggregate);
            }
        }
    }
}
