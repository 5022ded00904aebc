//! One run of the load generator under the probes, and what it leaves in a folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc;

use anyhow::{Context, Result, bail};
use grantscope_analysis::model::LossCounter;
use grantscope_analysis::recording::{Frame, FrameSink, Progress, Unblocked};
use grantscope_analysis::report::export::{Audience, CSV};
use grantscope_output::{Draft, FileId, Output, say};

use super::arguments::Bench;
use super::generator;
use crate::commands::export::Table;
use crate::exit::Exit;
use crate::screen::until::{Until, Watching};
use crate::screen::watch::watch;
use crate::source::frames::Input;
use crate::source::load;
use crate::source::pace::Speed;
use crate::this_machine;

/// The recording's name in the folder of a run.
pub const RECORDING: &str = "recording.gsr";
const RESULTS: &str = "results.csv";
const TRUTH: &str = "truth.json";
const LOG: &str = "workload.log";

/// One run.
pub struct One<'a> {
    /// What is run, and how.
    pub bench: &'a Bench,
    /// Where its results go.
    pub out: PathBuf,
    /// The seed of its random order; `None`: the scenario's own.
    pub seed: Option<u32>,
    /// How long it is watched.
    pub until: Until,
}

/// How a run ended that did not fail.
pub struct Ended {
    /// How watching it ended.
    pub watched: Result<Exit>,
    /// Whether it was stopped before its end.
    pub is_stopped: bool,
}

impl One<'_> {
    /// Runs it.
    ///
    /// # Errors
    /// It cannot be recorded, or the generator fails.
    pub fn run(&self) -> Result<Ended> {
        let recording = self.out.join(RECORDING);
        // A mistake in the configuration is known before anything runs.
        let look = self.bench.look.on_terminal(self.bench.mouse)?;
        let prepare = || {
            let program = self.bench.workload.clone().map_or_else(generator::find, Ok)?;
            self.is_not_written()?;
            fs::create_dir_all(&self.out)
                .with_context(|| format!("{}: cannot be made; give --out another directory", self.out.display()))?;
            let (frames, source) = mpsc::channel();
            let mut log = self.output(LOG, |output| output.draft(".part"))?;
            let generator = self.generator(program, log.shared().context("workload.log cannot be shared")?)?;
            let file = Unblocked::new(self.output(RECORDING, Output::stream)?)?;
            Ok((self.bench.capture.capture(Some(generator)), Tee { file, viewer: frames, log: Some(log) }, source))
        };
        let show = |source| {
            let how = Watching { until: self.until, look, reports: self.bench.reports.into() };
            watch(Input::live(Box::new(source)), Speed::Max, self.bench.shown.into(), None, how)
        };
        let (generator, watched) = this_machine::record_and_watch(prepare, show)?;
        // Before anything can fail: what was measured is also what people read.
        self.export(&recording)?;
        say!("grantscope: results are in {}", self.out.display());
        self.check(generator)?;
        Ok(Ended { watched, is_stopped: generator.is_none() })
    }

    /// The generator's command line. What it prints goes to a file: the screen is the viewer's.
    fn generator(&self, program: PathBuf, log: File) -> Result<Command> {
        let mut command = Command::new(program);
        command.args(["run", "--scenario"]).arg(&self.bench.scenario).arg("--truth").arg(self.out.join(TRUTH));
        match self.bench.peer {
            Some(domid) => command.args(["--peer", &domid.to_string()]),
            None => command.arg("--self"),
        };
        if let Some(seed) = self.seed {
            command.args(["--seed", &seed.to_string()]);
        }
        command.args(&self.bench.arguments).stdout(log.try_clone().context("workload.log cannot be shared")?).stderr(log);
        Ok(command)
    }

    /// The scenario is not one of the results.
    fn is_not_written(&self) -> Result<()> {
        let scenario = FileId::at(Path::new(&self.bench.scenario));
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
        let loaded = load::recording(recording, self.bench.shown.into())?;
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
    use clap::Parser;

    use super::*;

    fn one(bench: &Bench) -> One<'_> {
        One { bench, out: bench.out.clone(), seed: None, until: Until::AskedFor }
    }

    #[test]
    fn a_scenario_that_would_be_overwritten_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().to_str().unwrap();
        let scenario = folder.path().join(TRUTH);
        let bench = Bench::parse_from(["bench", "--out", out, "--scenario", scenario.to_str().unwrap()]);
        let bench = one(&bench);
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
        let bench = one(&bench);
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
