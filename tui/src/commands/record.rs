//! `grantscope record`: the probes' operations become a recording.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use clap::{Parser, ValueHint};
use grantscope_analysis::recording::{Broadcast, Unblocked};
use grantscope_analysis::shown::Shown;
use grantscope_output::{FileId, say};

use crate::commands::verb::{Example, Verb};
use crate::destination::Destination;
use crate::exit::{Code, Exit, Exits};
use crate::options::capture::CaptureArgs;
use crate::remote::address::Address;
use crate::remote::listen::Listening;
use crate::this_machine::{self, Capture};

/// Record all operations of this machine, or those while a command runs.
///
/// Attaches the probes, writes one record per operation, and detaches when COMMAND ends, or on Ctrl-C. COMMAND keeps
/// standard input, output and error, and its exit code is passed on. All operations of the machine are recorded, not only
/// those of COMMAND.
///
/// COMMAND can say when a thread sets up, warms up and measures, in the pipe that GRANTSCOPE_MARKS names: what is shown of
/// the recording is then what was measured. There it also gives times a name, by lines `mark NAME` (docs/phases.md).
///
/// Whoever reads the recording, or a disk that stalls, holds nobody: up to 4 MiB wait, and what comes beyond is left out and
/// counted as lost (`undelivered`). A signal ends it: COMMAND is asked to end (SIGTERM), and killed after 10 s or at a second
/// signal. A hangup that was ignored when it began, as `nohup` has it, stays ignored.
///
/// A file that is there already stays as it is until the probes are attached and COMMAND has started; then it is overwritten,
/// and keeps its mode and owner.
///
/// Needs root, Xen, and a kernel with gntdev, BTF and BPF. Hooks that cannot be attached are listed, with what is missing
/// without them.
#[derive(Debug, Parser)]
#[command(name = "record")]
pub struct Record {
    /// Where the recording goes: a file, a device, or `-`: standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "listen")]
    pub output: Option<PathBuf>,

    /// Let viewers connect (`grantscope top unix:PATH`), beside the file or in its place: `unix:PATH` or `tcp:HOST:PORT`. Can be given again
    ///
    /// Up to 16 at once. Nobody waits for them: each is as fast as it takes, and one that is too slow is told how many operations it
    /// lacks (`undelivered`). One that comes late gets the state so far and the last operations, up to 16 MiB, and is told how many were
    /// before these (`earlier`). A socket is for its owner alone (mode 0600); what goes over TCP is neither encrypted nor
    /// authenticated (docs/SECURITY.md).
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<Address>,

    /// Allow --listen on all addresses of this machine, as tcp:0.0.0.0:PORT: whoever reaches one sees everything
    #[arg(long, requires = "listen")]
    pub listen_on_all: bool,

    /// Let COMMAND go on to its end where the recording cannot be written any more: its reader is gone, or the disk is full
    #[arg(long, requires = "command")]
    pub keep_going: bool,

    /// A command to run and to wait for, with its arguments
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub command: Vec<OsString>,

    /// How it is recorded.
    #[command(flatten)]
    pub capture: CaptureArgs,
}

impl Verb for Record {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope record -o run.gsr -- ./my-backend --once", "while a program runs, then stop"),
        Example("grantscope record -o run.gsr", "until Ctrl-C"),
        Example("ssh board grantscope record -o - | grantscope top -", "a stream for another machine"),
        Example("grantscope record --listen unix:/run/grantscope/sock", "for viewers that come and go; no file"),
        Example("grantscope record -o run.gsr --pid 812 --errors-only", "what fails in one process"),
        Example("grantscope record -o run.gsr --clock counted -- ./my-bench", "under an emulator"),
    ];
    const EXITS: Exits = &[
        (Code::Done, None),
        (Code::Error, None),
        (Code::Usage, None),
        (Code::Signal, Some("COMMAND was ended by signal N, or was ended because signal N came")),
        (Code::OfCommand, None),
    ];

    fn run(&self) -> Result<Exit> {
        let destination = self.output.as_deref().map(|path| self.destination(path)).transpose()?;
        let capture = self.capture.capture(self.command(destination.as_ref().is_some_and(|to| to.is_standard_output)));
        let capture = Capture { keeps_going: self.keep_going, ..capture };
        match destination {
            Some(to) if self.listen.is_empty() => this_machine::record(capture, || Ok(Unblocked::new(to.bytes)?)),
            destination => self.record_and_serve(capture, destination),
        }
    }
}

impl Record {
    /// Records for viewers, and to a file if there is one.
    fn record_and_serve(&self, capture: Capture, file: Option<Destination>) -> Result<Exit> {
        // Listened at as long as it is recorded.
        let mut listening = Vec::new();
        this_machine::record(capture, || {
            let sink = Broadcast::new(file.map(|to| Unblocked::new(to.bytes)).transpose()?)?;
            for address in &self.listen {
                listening.push(Listening::start(address, self.listen_on_all, sink.viewers())?);
            }
            listening.iter().for_each(|at| say!("grantscope: viewers: grantscope top {}", Shown(&at.address.to_string())));
            Ok(sink)
        })
    }

    /// The command to run; its output goes to standard error where standard output is the recording.
    fn command(&self, standard_output_is_taken: bool) -> Option<Command> {
        let (program, arguments) = self.command.split_first()?;
        let mut command = Command::new(program);
        command.args(arguments);
        if standard_output_is_taken {
            command.stdout(io::stderr());
        }
        Some(command)
    }

    /// Opens it. What is there stays until the first frame, which is after the command has started.
    fn destination(&self, path: &Path) -> Result<Destination> {
        let destination = Destination::open(path, |file| self.other_use(file))?;
        if destination.is_standard_output && io::stdout().is_terminal() {
            bail!("a recording is not text: pipe it (`grantscope record -o - | grantscope top -`), or give -o a file");
        }
        Ok(destination)
    }

    /// What else the command would do with this file, as far as its command line says so.
    fn other_use(&self, file: FileId) -> Option<String> {
        let word = self.command.iter().find(|word| FileId::at(Path::new(word)) == Some(file));
        word.map(|word| format!("`{}` of COMMAND", word.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn record(output: &Path, command: &[&str]) -> Record {
        let output = output.to_str().unwrap();
        Record::parse_from([&["record", "-o", output, "--"], command].concat())
    }

    #[test]
    fn an_old_recording_stays_until_there_is_a_frame() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new] = ["old.gsr", "new.gsr"].map(|name| folder.path().join(name));
        fs::write(&old, "an earlier recording").unwrap();
        for path in [&old, &new] {
            drop(record(path, &["true"]).destination(path).unwrap());
        }
        assert_eq!(fs::read_to_string(&old).unwrap(), "an earlier recording");
        assert!(!new.exists());
        record(&old, &["true"]).destination(&old).unwrap().bytes.write_all(b"new").unwrap();
        assert_eq!(fs::read_to_string(&old).unwrap(), "new");
    }

    #[test]
    fn what_the_command_reads_or_is_cannot_be_the_recording() {
        let folder = tempfile::tempdir().unwrap();
        let [script, link] = ["script", "link"].map(|name| folder.path().join(name));
        fs::write(&script, "true").unwrap();
        std::os::unix::fs::symlink(&script, &link).unwrap();
        let word = script.to_str().unwrap();
        let refused = |command: &[&str]| record(&link, command).destination(&link).err().map(|error| error.to_string());
        for command in [&["sh", word][..], &[word]] {
            assert!(refused(command).is_some_and(|error| error.contains(&format!("is also `{word}` of COMMAND"))), "{command:?}");
        }
        assert_eq!(refused(&["sh", "-c", "true"]), None);
        assert_eq!(fs::read_to_string(&script).unwrap(), "true");
    }

    #[test]
    fn a_destination_that_cannot_be_written_is_known_before_anything_starts() {
        let path = Path::new("/nowhere/at/all/run.gsr");
        let error = record(path, &["true"]).destination(path).err().unwrap();
        assert_eq!(error.to_string(), "/nowhere/at/all/run.gsr: cannot be written; check the path");
    }
}
