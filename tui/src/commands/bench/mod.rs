//! `grantscope bench`: the load generator under the probes, watched.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueHint};
use grantscope_analysis::model::LossCounter;
use grantscope_analysis::recording::{Frame, FrameSink, Progress, Unblocked};
use grantscope_analysis::report::export::{Audience, CSV};
use grantscope_output::{Draft, FileId, Output, say};

use crate::commands::export::Table;
use crate::commands::verb::{Example, Verb};
use crate::exit::{Code, Exit, Exits};
use crate::options::capture::CaptureArgs;
use crate::options::shown::ShownArgs;
use crate::screen::terminal::Mouse;
use crate::screen::watch::watch;
use crate::source::frames::Input;
use crate::source::load;
use crate::source::pace::Speed;
use crate::this_machine;

mod generator;

/// Run the benchmark under the probes, and watch it.
///
/// Starts the load generator (grantscope-workload) with a scenario, shows `top` while it runs, and leaves in DIR:
/// recording.gsr, results.csv, truth.json (what the generator did, by its own count and clock) and workload.log (what it
/// printed). Prints the summary.
///
/// Needs what `record` needs.
#[derive(Debug, Parser)]
#[command(name = "bench")]
pub struct Bench {
    /// What the generator does: one of `grantscope-workload list`, or a scenario file
    #[arg(long, value_name = "NAME|FILE", default_value = "sweep")]
    pub scenario: OsString,

    /// The domain that grants the buffers. Without: this domain grants to itself
    #[arg(long, value_name = "DOMID")]
    pub peer: Option<NonZeroU16>,

    /// Where the results go; made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = "grantscope-results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,

    /// The load generator. Without: the one beside this program, else the one in PATH, unless others can write there
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::ExecutablePath)]
    pub workload: Option<PathBuf>,

    /// More arguments for the load generator
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<OsString>,

    /// Leave the mouse to the terminal: it marks text, as elsewhere. Without: it selects rows and scrolls
    #[arg(long)]
    pub no_mouse: bool,

    /// What is shown, and in results.csv.
    #[command(flatten)]
    pub shown: ShownArgs,

    /// How it is recorded.
    #[command(flatten)]
    pub capture: CaptureArgs,
}

impl Verb for Bench {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope bench --peer 1 --out results", "buffers of domain 1"),
        Example("grantscope bench --out results -- --buffers wc,coherent", "more options for the generator"),
    ];
    const NOTE: &'static str =
        "Domain N must run `grantscope-workload frontend --to DOMID`, where DOMID is the domain that runs the benchmark.";
    const EXITS: Exits = &[(Code::Done, None), (Code::Error, None), (Code::Usage, None), (Code::Signal, None)];

    fn run(&self) -> Result<Exit> {
        let recording = self.out.join(RECORDING);
        let prepare = || {
            let program = self.workload.clone().map_or_else(generator::find, Ok)?;
            self.is_not_written()?;
            fs::create_dir_all(&self.out)
                .with_context(|| format!("{}: cannot be made; give --out another directory", self.out.display()))?;
            let (frames, source) = mpsc::channel();
            let mut log = self.output(LOG, |output| output.draft(".part"))?;
            let generator = self.generator(program, log.shared().context("workload.log cannot be shared")?)?;
            let file = Unblocked::new(self.output(RECORDING, Output::stream)?)?;
            Ok((self.capture.capture(Some(generator)), Tee { file, viewer: frames, log: Some(log) }, source))
        };
        let mouse = Mouse::unless(self.no_mouse);
        let show = |source| watch(Input::live(Box::new(source)), Speed::Max, self.shown.into(), mouse);
        let (generator, watched) = this_machine::record_and_watch(prepare, show)?;
        // Before anything can fail: what was measured is also what people read.
        self.export(&recording)?;
        say!("grantscope: results are in {}", self.out.display());
        self.check(generator)?;
        watched
    }
}

const RECORDING: &str = "recording.gsr";
const RESULTS: &str = "results.csv";
const TRUTH: &str = "truth.json";
const LOG: &str = "workload.log";

impl Bench {
    /// The generator's command line. What it prints goes to a file: the screen is the viewer's.
    fn generator(&self, program: PathBuf, log: File) -> Result<Command> {
        let mut command = Command::new(program);
        command.args(["run", "--scenario"]).arg(&self.scenario).arg("--truth").arg(self.out.join(TRUTH));
        match self.peer {
            Some(domid) => command.args(["--peer", &domid.to_string()]),
            None => command.arg("--self"),
        };
        command.args(&self.arguments).stdout(log.try_clone().context("workload.log cannot be shared")?).stderr(log);
        Ok(command)
    }

    /// The scenario is not one of the results.
    fn is_not_written(&self) -> Result<()> {
        let scenario = FileId::at(Path::new(&self.scenario));
        let results = [RECORDING, RESULTS, TRUTH, LOG].map(|name| self.out.join(name));
        match results.iter().find(|result| scenario.is_some() && FileId::at(result) == scenario) {
            Some(result) => {
                bail!("{}: is the scenario, and would be overwritten; give --out another directory", result.display())
            }
            None => Ok(()),
        }
    }

    /// One of the results, not written yet: what is there from an earlier time stays until the generator runs under the probes.
    fn output<T>(&self, name: &str, open: impl FnOnce(Output) -> io::Result<T>) -> Result<T> {
        let path = self.out.join(name);
        Output::open(&path)
            .and_then(open)
            .with_context(|| format!("{}: cannot be written; check the disk, or give --out another directory", path.display()))
    }

    fn export(&self, recording: &Path) -> Result<()> {
        let loaded = load::recording(recording, self.shown.into())?;
        loaded.report(recording);
        Table::at(&self.out.join(RESULTS))?.write(&loaded, CSV, Audience::Program)
    }

    /// Whether the generator did what it should; `None`: it was stopped.
    fn check(&self, generator: Option<ExitStatus>) -> Result<()> {
        match generator {
            Some(status) if !status.success() => {
                let log = self.out.join(LOG);
                let printed = fs::read_to_string(&log).unwrap_or_default();
                let last = printed.trim_end().lines().last().unwrap_or("it said nothing").to_owned();
                bail!("the load generator failed ({status}): {last}; all of it is in {}", log.display());
            }
            Some(_) => {}
            None => say!("grantscope: stopped before the benchmark's end: the results are those until then"),
        }
        Ok(())
    }
}

/// Frames go to the file, which must not fail, and to the viewer, which may be gone.
struct Tee {
    file: Unblocked,
    viewer: mpsc::Sender<Frame>,
    /// The generator's, until the first frame says that it has started.
    log: Option<Draft>,
}

impl FrameSink for Tee {
    fn put(&mut self, frame: Frame) -> io::Result<()> {
        if let Some(log) = self.log.take() {
            log.commit()?;
        }
        let _ = self.viewer.put(frame.clone());
        self.file.put(frame)
    }

    fn put_last(&mut self, frame: Frame) -> io::Result<()> {
        let _ = self.viewer.put(frame.clone());
        self.file.put_last(frame)
    }

    fn progress(&self) -> io::Result<Progress> {
        self.file.progress()
    }

    fn left_out(&self) -> Vec<LossCounter> {
        self.file.left_out()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_that_would_be_overwritten_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap();
        let scenario = folder.path().join(TRUTH);
        let bench = Bench::parse_from(["bench", "--out", out, "--scenario", scenario.to_str().unwrap()]);
        bench.is_not_written().unwrap();
        fs::write(&scenario, "version = 1").unwrap();
        let error = bench.is_not_written().unwrap_err().to_string();
        assert!(error.ends_with("is the scenario, and would be overwritten; give --out another directory"), "{error}");
    }

    #[test]
    fn the_old_results_stay_until_the_first_frame() {
        let folder = tempfile::tempdir().unwrap();
        for name in [RECORDING, LOG] {
            fs::write(folder.path().join(name), "old").unwrap();
        }
        let bench = Bench::parse_from(["bench", "--out", folder.path().to_str().unwrap()]);
        let tee = || {
            let mut log = bench.output(LOG, |output| output.draft(".part")).unwrap();
            io::Write::write_all(&mut log.shared().unwrap(), b"new").unwrap();
            let file = Unblocked::new(bench.output(RECORDING, Output::stream).unwrap()).unwrap();
            Tee { file, viewer: mpsc::channel().0, log: Some(log) }
        };
        let read = |name| fs::read(folder.path().join(name)).unwrap();
        drop(tee());
        assert_eq!((read(RECORDING).as_slice(), read(LOG).as_slice()), (&b"old"[..], &b"old"[..]));
        let mut begun = tee();
        begun.put(Frame::Environment(Default::default())).unwrap();
        while begun.progress().unwrap().waiting_bytes > 0 {}
        assert!(read(RECORDING).starts_with(b"GSREC"));
        assert_eq!((read(LOG).as_slice(), fs::read_dir(folder.path()).unwrap().count()), (&b"new"[..], 2));
    }
}
