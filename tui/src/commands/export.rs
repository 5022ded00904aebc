//! `grantscope export`: a recording becomes CSV.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueHint};
use grantscope_analysis::report::export::{Audience, CSV, FORMATS, Format};
use grantscope_analysis::series::Aggregate;
use grantscope_output::{FileId, Output};

use crate::commands::verb::{Example, Verb};
use crate::exit::{self, Exit, Exits};
use crate::options::one_of::one_of;
use crate::options::shown::ShownArgs;
use crate::source::load::{self, Loaded};
use crate::source::stream::is_stdin;

/// Turn a recording into CSV.
///
/// One row per series and stage: count, lost, quantiles in nanoseconds, and the histogram itself (HdrHistogram V2,
/// compressed, base64), so that files can be merged without loss. A series is what has the same operation, buffer kind,
/// page count, other domain and outcome, the same cause where it failed, the same caller where a driver of the kernel
/// asked, and the same operation that started it (started_by). Unknown is an empty cell. Control characters in names are
/// escaped (`\n`): a row is a line.
///
/// The marks of a recording are a table of their own, `--format marks`.
///
/// A file gets its new contents when they are whole, and keeps its mode and owner; a link is followed; a pipe or a device is
/// written as it is. The recording itself is never the output.
///
/// A recording that is cut short or damaged gives everything before that place, a warning, and exit code 4.
#[derive(Debug, Parser)]
#[command(name = "export")]
pub struct Export {
    /// Format of the output
    #[arg(long, value_parser = one_of(FORMATS, |format| format.name, |format| format.about), default_value = CSV.name)]
    pub format: Format,

    /// Put a ' before words that a spreadsheet would take for a formula: those that begin with =, +, - or @
    #[arg(long)]
    pub spreadsheet: bool,

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
        Example("grantscope export --format marks run.gsr", "which mark lay when"),
        Example("ssh board cat run.gsr | grantscope export - -o run.csv", ""),
    ];
    const EXITS: Exits = exit::OF_A_READER;

    fn run(&self) -> Result<Exit> {
        let audience = if self.spreadsheet { Audience::Spreadsheet } else { Audience::Program };
        let output = self.output.as_deref().filter(|path| !is_stdin(path));
        // Before the recording is read: what cannot be written is known at once.
        let output = output.map(Table::at).transpose()?;
        let loaded = load::recording(&self.recording, self.shown.into())?;
        let exit = loaded.report(&self.recording);
        match output {
            Some(table) => table.write(&loaded, self.format, audience)?,
            None => write(&loaded.aggregate, self.format, audience, io::stdout().lock())?,
        }
        Ok(exit)
    }
}

/// How the name of a table ends that is not whole yet.
const DRAFT: &str = ".part";

/// A file that is to have a table.
pub struct Table<'a> {
    name: &'a Path,
    output: Output,
}

impl<'a> Table<'a> {
    /// What this name stands for. Nothing is changed yet.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn at(name: &'a Path) -> Result<Self> {
        let output = Output::open(name).with_context(|| advice(name))?;
        Ok(Self { name, output })
    }

    /// Writes a recording's.
    ///
    /// # Errors
    /// It is the recording, or cannot be written; a file that was there is then as it was.
    pub fn write(self, loaded: &Loaded, format: Format, audience: Audience) -> Result<()> {
        self.fill(&[loaded.file], "the recording that is read", |draft| write(&loaded.aggregate, format, audience, draft))
    }

    /// Writes it beside its name, which it takes when it is whole: half a table is never found there. `read` are the files that it is made
    /// from, `called` what each of them is called.
    ///
    /// # Errors
    /// It is one of them, or cannot be written; a file that was there is then as it was.
    pub fn fill(self, read: &[Option<FileId>], called: &str, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let Self { name, output } = self;
        if output.id().is_some() && read.contains(&output.id()) {
            bail!("{}: is {called}, and would be overwritten by its table; give another file", name.display());
        }
        let written = || -> Result<()> {
            let mut draft = output.draft(DRAFT)?;
            write(&mut draft)?;
            Ok(draft.commit()?)
        };
        written().with_context(|| advice(name))
    }
}

fn advice(name: &Path) -> String {
    format!("{}: cannot be written; check the directory and the space on the disk", name.display())
}

fn write(aggregate: &Aggregate, format: Format, audience: Audience, mut out: impl Write) -> Result<()> {
    let mut bytes = Vec::new();
    (format.write)(aggregate, audience, &mut bytes)?;
    // In one go: what fails now is the file or the pipe, and nothing else.
    out.write_all(&bytes)?;
    out.flush()?;
    Ok(())
}
