//! The runs that are compared: recordings, results.csv files, and folders of recordings.

use std::fs;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use grantscope_analysis::runs::{Run, csv};
use grantscope_analysis::series::{Times, Wanted};

use crate::exit::Exit;
use crate::source::{load, text};

/// In a folder that `bench` or the lab wrote, the run is the recording of this name.
const RECORDING: &str = "recording.gsr";
/// A folder of folders of runs is as deep as anybody makes them.
const MOST_DEPTH: usize = 3;

/// All runs of one side.
///
/// # Errors
/// One cannot be read, is cut short, or is a folder without recordings.
pub fn runs(paths: &[PathBuf], wanted: Wanted) -> Result<Vec<Run>> {
    let files: Vec<_> = paths.iter().map(|path| files(path, MOST_DEPTH)).collect::<Result<Vec<_>>>()?.concat();
    let each = files.iter().map(|path| if is_table(path) { table(path, wanted) } else { run(path, wanted).map(|run| vec![run]) });
    Ok(each.collect::<Result<Vec<_>>>()?.concat())
}

/// What one side is called: as its runs are, if they have one name, else as `other`.
pub fn name(runs: &[Run], other: &str) -> String {
    let name = runs.first().map_or("", |run| &run.name);
    if name.is_empty() || runs.iter().any(|run| run.name != name) { other.to_owned() } else { name.to_owned() }
}

/// By its name: a recording has any, and is told by how it begins.
fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

/// All runs of a results.csv.
fn table(path: &Path, wanted: Wanted) -> Result<Vec<Run>> {
    if wanted.times == Times::Raw {
        bail!("{}: a CSV has the times that it was exported with; give its recording for --raw", path.display());
    }
    let runs = csv::read(BufReader::new(text::open(path)?)).with_context(|| path.display().to_string())?;
    if runs.is_empty() {
        bail!("{}: has no rows: nothing was recorded", path.display());
    }
    Ok(runs)
}

fn run(path: &Path, wanted: Wanted) -> Result<Run> {
    let loaded = load::recording(path, wanted)?;
    if loaded.report(path) != Exit::OK {
        bail!("{}: half a run is compared with nothing; record it again", path.display());
    }
    Ok(Run::from(&loaded.aggregate))
}

/// The recordings that a path stands for, in the order of their names.
fn files(path: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let whole = path.join(RECORDING);
    if whole.is_file() {
        return Ok(vec![whole]);
    }
    let mut entries = fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>())
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    entries.sort();
    let is_recording = |path: &Path| path.extension().is_some_and(|extension| extension == "gsr") && path.is_file();
    let mut all = Vec::new();
    for entry in entries {
        if is_recording(&entry) {
            all.push(entry);
        } else if depth > 0 && entry.is_dir() {
            all.extend(files(&entry, depth - 1).unwrap_or_default());
        }
    }
    if all.is_empty() {
        bail!("{}: has no recordings (*.gsr), nor have folders in it", path.display());
    }
    Ok(all)
}
