//! `grantscope export`: a recording becomes CSV.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, ValueHint};
use grantscope_analysis::report::export::{CSV, FORMATS, Format};
use grantscope_analysis::series::Aggregate;

use crate::commands::verb::{Example, Verb};
use crate::exit::{self, Exit, Exits};
use crate::options::one_of::one_of;
use crate::options::shown::ShownArgs;
use crate::source::load;
use crate::source::stream::is_stdin;

/// Turn a recording into CSV.
///
/// One row per series and stage: count, lost, quantiles in nanoseconds, and the histogram itself (HdrHistogram V2,
/// compressed, base64), so that files can be merged without loss. A series is what has the same operation, buffer kind,
/// page count, other domain and outcome, the same cause where it failed, the same caller where a driver of the kernel
/// asked, and the same operation that started it (started_by). Unknown is an empty cell.
///
/// A recording that is cut short or damaged gives everything before that place, a warning, and exit code 4.
#[derive(Debug, Parser)]
#[command(name = "export")]
pub struct Export {
    /// Format of the output
    #[arg(long, value_parser = one_of(FORMATS, |format| format.name, |format| format.about), default_value = CSV.name)]
    pub format: Format,

    /// The recording, or `-`: standard input
    #[arg(value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    pub recording: PathBuf,

    /// Where it goes. Without, or `-`: standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// What is shown.
    #[command(flatten)]
    pub shown: ShownArgs,
}

impl Verb for Export {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope export --format csv run.gsr -o run.csv", ""),
        Example("grantscope export run.gsr | head -3", ""),
        Example("ssh board cat run.gsr | grantscope export - -o run.csv", ""),
    ];
    const EXITS: Exits = exit::OF_A_READER;

    fn run(&self) -> Result<Exit> {
        let loaded = load::recording(&self.recording, self.shown.into())?;
        let exit = loaded.report(&self.recording);
        match self.output.as_deref().filter(|path| !is_stdin(path)) {
            Some(path) => to_file(&loaded.aggregate, self.format, path)?,
            None => write(&loaded.aggregate, self.format, io::stdout().lock())?,
        }
        Ok(exit)
    }
}

/// Writes beside the target and renames: half a table is never found under its name.
///
/// # Errors
/// The target cannot be written; it is then as it was.
pub fn to_file(aggregate: &Aggregate, format: Format, path: &Path) -> Result<()> {
    let whole = || -> Result<()> {
        if !is_replaceable(path) {
            return write(aggregate, format, File::options().write(true).open(path)?);
        }
        let draft = draft_of(path);
        let written = File::create(&draft).map_err(Into::into).and_then(|file| write(aggregate, format, file));
        written.and_then(|()| std::fs::rename(&draft, path).map_err(Into::into)).inspect_err(|_| {
            // Best effort: the error that is reported is the one that matters.
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
    (format.write)(aggregate, &mut bytes)?;
    // In one go: what fails now is the file or the pipe, and nothing else.
    out.write_all(&bytes)?;
    out.flush()?;
    Ok(())
}
