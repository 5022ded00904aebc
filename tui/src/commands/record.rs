//! `grantscope record`: the probes' operations become a recording.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueHint};
use grantscope_analysis::recording::Writer;

use crate::commands::verb::{Example, Verb};
use crate::exit::{Code, Exit, Exits};
use crate::options::capture::CaptureArgs;
use crate::source::stream::is_stdin as is_standard;
use crate::this_machine;

/// Record all operations of this machine, or those while a command runs.
///
/// Attaches the probes, writes one record per operation, and detaches when COMMAND ends, or on Ctrl-C. COMMAND keeps
/// standard input, output and error, and its exit code is passed on. All operations of the machine are recorded, not only
/// those of COMMAND.
///
/// COMMAND can say when a thread sets up, warms up and measures, in the pipe that GRANTSCOPE_MARKS names: what is shown of
/// the recording is then what was measured (docs/phases.md).
///
/// Needs root, Xen, and a kernel with gntdev, BTF and BPF. Hooks that cannot be attached are listed, with what is missing
/// without them.
#[derive(Debug, Parser)]
#[command(name = "record")]
pub struct Record {
    /// Where the recording goes: a file, a device, or `-`: standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,

    /// A command to run and to wait for, with its arguments
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<String>,

    /// How it is recorded.
    #[command(flatten)]
    pub capture: CaptureArgs,
}

impl Verb for Record {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope record -o run.gsr -- ./my-backend --once", "while a program runs, then stop"),
        Example("grantscope record -o run.gsr", "until Ctrl-C"),
        Example("ssh board grantscope record -o - | grantscope top -", "a stream for another machine"),
        Example("grantscope record -o run.gsr --pid 812 --errors-only", "what fails in one process"),
        Example("grantscope record -o run.gsr --clock counted -- ./my-bench", "under an emulator"),
    ];
    const EXITS: Exits = &[
        (Code::Done, None),
        (Code::Error, None),
        (Code::Usage, None),
        (Code::Signal, Some("COMMAND was ended by signal N")),
        (Code::OfCommand, None),
    ];

    fn run(&self) -> Result<Exit> {
        this_machine::record(self.capture.capture(self.command()), || Ok(Writer::new(open(&self.output)?)))
    }
}

impl Record {
    /// The command to run; its output goes to standard error where standard output is the recording.
    fn command(&self) -> Option<Command> {
        let (program, arguments) = self.command.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments);
        if is_standard(&self.output) {
            command.stdout(io::stderr());
        }
        Some(command)
    }
}

/// Where the bytes go.
fn open(path: &Path) -> Result<Box<dyn Write>> {
    if !is_standard(path) {
        // Not `create_new`: a device or a named pipe is there already.
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
        return Ok(Box::new(file.with_context(|| format!("{}: cannot be written; check the path", path.display()))?));
    }
    if io::stdout().is_terminal() {
        bail!("a recording is not text: pipe it (`grantscope record -o - | grantscope top -`), or give -o a file");
    }
    Ok(Box::new(io::stdout()))
}
