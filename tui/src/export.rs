//! `grantscope export`: a recording becomes CSV.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use grantscope_analysis::report::export;
use grantscope_analysis::series::aggregate::Aggregate;

use crate::cli::{ExportArgs, Format};
use crate::exit::Exit;
use crate::input::is_stdin;
use crate::load;

/// Runs the command.
pub fn run(args: &ExportArgs) -> Result<Exit> {
    let loaded = load::recording(&args.recording)?;
    let exit = loaded.report(&args.recording);
    match args.output.as_deref().filter(|path| !is_stdin(path)) {
        Some(path) => to_file(&loaded.aggregate, args.format, path)?,
        None => write(&loaded.aggregate, args.format, io::stdout().lock())?,
    }
    Ok(exit)
}

/// Writes beside the target and renames: nobody finds half a table under its name.
fn to_file(aggregate: &Aggregate, format: Format, path: &Path) -> Result<()> {
    let whole = || -> Result<()> {
        if !is_replaceable(path) {
            return write(aggregate, format, File::options().write(true).open(path)?);
        }
        let draft = draft_of(path);
        let written = File::create(&draft).map_err(Into::into).and_then(|file| write(aggregate, format, file));
        written.and_then(|()| std::fs::rename(&draft, path).map_err(Into::into)).inspect_err(|_| {
            // Best effort: the error that is told is the one that matters.
            let _ = std::fs::remove_file(&draft);
        })
    };
    whole().with_context(|| format!("{}: cannot be written; check the directory and the space on the disk", path.display()))
}

/// `results.csv` is written as `results.csv.part`.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

/// Devices and pipes are written to, not replaced.
fn is_replaceable(path: &Path) -> bool {
    path.metadata().map_or(true, |kind| kind.is_file())
}

fn write(aggregate: &Aggregate, format: Format, mut out: impl Write) -> Result<()> {
    let mut bytes = Vec::new();
    match format {
        Format::Csv => export::csv::csv(aggregate, &mut bytes)?,
    }
    // In one go: what fails now is the file or the pipe, and nothing else.
    out.write_all(&bytes)?;
    out.flush()?;
    Ok(())
}
