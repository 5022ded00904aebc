//! Files of runs, for the commands that take several: recordings, results.csv files, and folders of recordings.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use grantscope_analysis::runs::csv::{self, Table};
use grantscope_analysis::series::Times;
use grantscope_output::FileId;

use crate::source::file::open_file;

/// In a folder that `bench` or the lab wrote, the run is the recording of this name.
const RECORDING: &str = "recording.gsr";
/// A folder of folders of runs is as deep as anybody makes them.
const MOST_DEPTH: usize = 3;

/// The files that some paths stand for: of a folder its recordings, in the order of their names.
///
/// # Errors
/// A folder has no recordings, or cannot be read.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        let of_path = recordings(path, MOST_DEPTH)?;
        if of_path.is_empty() {
            bail!(
                "{}: has no recordings (*.gsr), nor have folders in it; give a file, or a folder with recordings",
                path.display()
            );
        }
        all.extend(of_path);
    }
    Ok(all)
}

/// By its name: a recording has any, and is told by how it begins.
pub fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

/// All runs of a results.csv, and which file it is.
///
/// # Errors
/// It cannot be read, is no such file, or has not these times.
pub fn table(path: &Path, times: Times) -> Result<(Table, Option<FileId>)> {
    if times == Times::Raw {
        bail!("{}: a CSV has the times that it was exported with; give its recording for --raw", path.display());
    }
    let file = open_file(path)?;
    let id = FileId::of(&file);
    Ok((csv::table(BufReader::new(file)).with_context(|| path.display().to_string())?, id))
}

fn recordings(path: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let whole = path.join(RECORDING);
    if whole.is_file() {
        return Ok(vec![whole]);
    }
    let mut entries = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>())
        .with_context(|| format!("{}: cannot be read; give the recordings in it that are meant", path.display()))?;
    entries.sort();
    let is_recording = |path: &Path| path.extension().is_some_and(|extension| extension == "gsr") && path.is_file();
    let mut all = Vec::new();
    for entry in entries {
        if is_recording(&entry) {
            all.push(entry);
        } else if depth > 0 && entry.is_dir() {
            all.extend(recordings(&entry, depth - 1)?);
        }
    }
    Ok(all)
}
