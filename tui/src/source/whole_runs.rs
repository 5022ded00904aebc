//! The runs that are compared: whole ones, of recordings and results.csv files.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use grantscope_analysis::runs::Run;
use grantscope_analysis::series::Wanted;

use crate::exit::Exit;
use crate::source::load;
use crate::source::runs::{files, is_table, table};

/// All runs of one side.
///
/// # Errors
/// One cannot be read, is cut short, or is a folder without recordings.
pub fn runs(paths: &[PathBuf], wanted: Wanted) -> Result<Vec<Run>> {
    let files = files(paths)?;
    let each =
        files.iter().map(|path| if is_table(path) { of_table(path, wanted) } else { Ok(vec![of_recording(path, wanted)?]) });
    Ok(each.collect::<Result<Vec<_>>>()?.concat())
}

fn of_table(path: &Path, wanted: Wanted) -> Result<Vec<Run>> {
    let (table, _) = table(path, wanted.times)?;
    if table.runs.is_empty() {
        bail!("{}: has no rows: nothing was recorded", path.display());
    }
    Ok(table.runs.into_iter().map(|listed| listed.run).collect())
}

fn of_recording(path: &Path, wanted: Wanted) -> Result<Run> {
    let loaded = load::recording(path, wanted)?;
    if loaded.report(path) != Exit::OK {
        bail!("{}: half a run is compared with nothing; record it again", path.display());
    }
    Ok(Run::from(&loaded.aggregate))
}
