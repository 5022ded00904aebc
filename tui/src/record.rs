//! `grantscope record`: the probes' operations become a recording.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use grantscope_analysis::recording::Writer;
use grantscope_collector::Options;

use crate::capture;
use crate::cli::RecordArgs;
use crate::exit::Exit;
use crate::input::is_stdin as is_standard;

/// Runs the command.
pub fn run(args: &RecordArgs) -> Result<Exit> {
    let sink = Writer::new(open(&args.output)?);
    let options = Options {
        run: args.run.clone(),
        clock: args.clock.into(),
        means: args.attach.into(),
        filter: (&args.filter).into(),
        command: command(args),
        ..Options::default()
    };
    let finished = capture::run(options, sink, |probes| capture::report_hooks(probes.status()))?;
    capture::report_end(&finished);
    Ok(capture::exit(finished.ended))
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

/// The command to run; its output goes to standard error where standard output is the recording.
fn command(args: &RecordArgs) -> Option<Command> {
    let (program, arguments) = args.command.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments);
    if is_standard(&args.output) {
        command.stdout(io::stderr());
    }
    Some(command)
}
