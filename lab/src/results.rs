//! The results that people read, made from what a run left.

use std::{
    fs::{self, File},
    io::{BufReader, Write},
    path::Path,
};

use anyhow::{Context, Result};
use grantscope_analysis::{
    error_chain,
    model::Phase,
    recording::{ReadError, Reader},
    report::export::{Audience, csv as export},
    series::{Aggregate, Phases, Wanted},
};
use grantscope_output::Output;

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
        export::csv(&read(&out.join("recording.gsr"))?, Audience::Program, &mut csv)?;
        let path = out.join("results.csv");
        let write = || {
            let mut draft = Output::open(&path)?.draft(".part")?;
            draft.write_all(&csv)?;
            draft.commit()
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    };
    written().context("the recording is kept, but results.csv could not be made from it")
}

/// What was measured, of the recording; a recording that breaks off is reported on standard error.
fn read(path: &Path) -> Result<Aggregate> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = Reader::open(BufReader::new(file))?;
    let mut aggregate = Aggregate::of(Wanted { phases: Phases::Only(Phase::Measured), ..Wanted::default() });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{boot::run::Scratch, place};

    /// The rows that are made of the first bytes of the recording in the documents; all of them by default.
    fn rows(bytes: Option<usize>) -> Result<usize> {
        let recording = fs::read(place::work_tree().join("docs/recordings/sweep.gsr"))?;
        let folder = Scratch::new()?;
        fs::write(folder.0.join("recording.gsr"), &recording[..bytes.unwrap_or(recording.len())])?;
        export_csv(&folder.0)?;
        assert_eq!(fs::read_dir(&folder.0)?.count(), 2, "a draft is left");
        let table = fs::read_to_string(folder.0.join("results.csv"))?;
        Ok(table.lines().count() - 1)
    }

    #[test]
    fn a_recording_that_breaks_off_gives_the_rows_before_that_and_another_file_none() {
        let all = rows(None).unwrap();
        let half = fs::metadata(place::work_tree().join("docs/recordings/sweep.gsr")).unwrap().len() as usize / 2;
        let before = rows(Some(half)).unwrap();
        assert!(0 < before && before <= all, "{before} of {all}");
        let refused = rows(Some(3)).unwrap_err();
        assert!(refused.to_string().starts_with("the recording is kept"), "{refused:#}");
    }
}
