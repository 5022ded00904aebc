//! `grantscope top`: watch an input, on the screen or as plain text, and print the summary.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Error, Result};
use clap::{Parser, ValueHint};

use crate::commands::verb::{Example, Verb};
use crate::destination::Destination;
use crate::exit::{Code, Exit, Exits, WrongUsage};
use crate::options::baseline::BaselineArgs;
use crate::options::filter::FilterArgs;
use crate::options::look::LookArgs;
use crate::options::mouse::MouseArgs;
use crate::options::reports::ReportArgs;
use crate::options::shown::ShownArgs;
use crate::screen::until::{Until, Watching};
use crate::screen::watch::watch;
use crate::source;
use crate::source::frames::Input;
use crate::source::pace::Speed;
use crate::source::same_run::{begun, is_no_recording};
use crate::source::tee::Tee;
use crate::source::written::written;

/// Watch operations live, or play a recording.
///
/// Shows a table of all kinds of operation with their latencies and, for the selected one, its histogram and where in the
/// kernel the time goes; and a comparison of the buffer kinds. Needs a terminal of at least 40 columns and 12 lines.
///
/// Where standard output is not a terminal (a pipe, a log, CI), or with --no-tui, it prints a compact table every second
/// instead, and the summary at the end.
#[derive(Debug, Parser)]
#[command(name = "top")]
pub struct Top {
    /// A recording to play; `-`: a stream on standard input; `unix:PATH`, `tcp:HOST:PORT`: a recorder that listens. Without: this machine, live
    ///
    /// A file is played at its own pace. A serial line is set to raw mode. A pipe, a socket or a device is watched as it comes, like `-`; the keys are then
    /// read from the terminal, not from standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,

    /// The same, by name
    #[arg(long, value_name = "FILE", conflicts_with = "file", value_hint = ValueHint::FilePath)]
    pub replay: Option<PathBuf>,

    /// How fast to play a recording: a factor (2 is twice as fast), or `max`: all at once
    #[arg(long, value_name = "X", default_value = "1")]
    pub speed: Speed,

    /// Write what is watched to a recording, with the marks that `m` makes: of what is live, as `record` does, and never over what is read
    ///
    /// The frames as they come, also while the display is held. A file that is there stays as it is until the first frame; for good where
    /// another program writes it, or where it has a recording of the run that is watched. Who quits ends the recording. Where nothing more can be
    /// written, watching goes on, and the exit code is 1.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Whose the mouse is.
    #[command(flatten)]
    pub mouse: MouseArgs,

    /// The same as text.
    #[command(flatten)]
    pub reports: ReportArgs,

    /// How it looks.
    #[command(flatten)]
    pub look: LookArgs,

    /// What is shown.
    #[command(flatten)]
    pub shown: ShownArgs,

    /// What it is compared with.
    #[command(flatten)]
    pub baseline: BaselineArgs,

    /// What is recorded, live.
    #[command(flatten)]
    pub filter: FilterArgs,
}

impl Top {
    /// The input, however it was given.
    fn input(&self) -> Option<&Path> {
        self.file.as_deref().or(self.replay.as_deref())
    }

    /// The input, which is written where that is asked for.
    fn open(&self) -> Result<Input> {
        let old = self.output.as_deref().and_then(begun);
        let destination = self.output.as_deref().map(|path| self.destination(path)).transpose()?;
        let input = source::open(self.input(), (&self.filter).into())?;
        let Some((name, destination)) = destination else { return Ok(input) };
        Ok(written(input, Tee::new(&name, destination.bytes)?.but_not_over(old)))
    }

    /// Where what is watched is written. What is there stays until the first frame.
    fn destination(&self, path: &Path) -> Result<(String, Destination)> {
        let wrong = |why: String| Err(Error::msg(WrongUsage(why)));
        let name = path.display().to_string();
        if let Some(played) = self.input().filter(|input| input.is_file()) {
            let played = played.display();
            return wrong(format!(
                "--output {name}: {played} is a recording already, which is only played; to keep it elsewhere, copy it"
            ));
        }
        if self.input().is_some_and(|input| is_same(input, path)) {
            return wrong(format!("--output {name}: is what is watched; give another file"));
        }
        if is_no_recording(path) {
            return wrong(format!("--output {name}: is no recording, and stays as it is; give another file, or delete it first"));
        }
        let destination = Destination::open(path, |_| None)?;
        if destination.is_standard_output {
            return wrong(format!(
                "--output {name}: standard output has the view and the summary; give a file, or use `record -o -`"
            ));
        }
        Ok((name, destination))
    }
}

impl Verb for Top {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope top", "this machine, live (root, Xen)"),
        Example("grantscope top --min-duration 1ms --buffer wc,coherent", "what is slow, of DMA buffers alone"),
        Example("grantscope top --replay recording.gsr", "at its own pace"),
        Example("grantscope top --replay recording.gsr --speed max", "its end, at once"),
        Example("ssh board grantscope record -o - | grantscope top -", "a stream, live"),
        Example("grantscope top unix:/run/grantscope/sock", "what `record --listen` records, beside other viewers"),
        Example("ssh board grantscope record -o - | grantscope top - -o run.gsr", "and keep it, with marks (`m`)"),
        Example("grantscope top recording.gsr --speed 10 | cat", "plain text, ten times as fast"),
        Example("grantscope top --baseline last-week.gsr", "what became slower, while it happens (key b)"),
        Example("grantscope top --no-tui --interval 10s", "the same facts as text, also on a terminal"),
    ];
    const NOTE: &'static str = "Inside, ? shows all keys, / filters, space holds a replay. q quits and prints the summary.";
    const EXITS: Exits =
        &[(Code::Done, None), (Code::Error, None), (Code::Usage, None), (Code::Partial, None), (Code::Signal, None)];

    fn run(&self) -> Result<Exit> {
        let look = self.look.on_terminal(self.mouse)?;
        let how = Watching { until: Until::AskedFor, look, reports: self.reports.into() };
        let wanted = self.shown.into();
        let baseline = self.baseline.read(wanted)?;
        watch(self.open()?, self.speed, wanted, baseline, how)
    }
}

/// Whether both names lead to one pipe, line or file.
fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|there| (there.dev(), there.ino()));
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replay_is_another_name_for_the_file() {
        let input = |line: &[&str]| Top::try_parse_from(line).expect("a valid command line").input().map(Path::to_owned);
        let file = Some(PathBuf::from("a.gsr"));
        assert_eq!(input(&["top", "a.gsr"]), file);
        assert_eq!(input(&["top", "--replay", "a.gsr"]), file);
        assert_eq!(input(&["top", "-"]), Some("-".into()));
        assert_eq!(input(&["top"]), None);
    }
}
