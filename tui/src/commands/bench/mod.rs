//! `grantscope bench`: the load generator under the probes, watched.

use std::fs::{self, File};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::mpsc;
use std::{env, io};

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueHint};
use grantscope_analysis::recording::{Frame, FrameSink, Writer};
use grantscope_analysis::report::export::CSV;

use crate::commands::export::to_file;
use crate::commands::verb::{Example, Verb};
use crate::exit::{Code, Exit, Exits};
use crate::options::capture::CaptureArgs;
use crate::options::shown::ShownArgs;
use crate::screen::watch::watch;
use crate::source::frames::{Input, Origin};
use crate::source::load;
use crate::source::pace::Speed;
use crate::this_machine;

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
    pub scenario: String,

    /// The domain that grants the buffers. Without: this domain grants to itself
    #[arg(long, value_name = "DOMID")]
    pub peer: Option<NonZeroU16>,

    /// Where the results go; made if it is not there
    #[arg(short, long, value_name = "DIR", default_value = "grantscope-results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,

    /// The load generator. Without: the one beside this program, else the one in PATH
    #[arg(long, value_name = "PROGRAM", value_hint = ValueHint::ExecutablePath)]
    pub workload: Option<PathBuf>,

    /// More arguments for the load generator
    #[arg(last = true, value_name = "ARGUMENT")]
    pub arguments: Vec<String>,

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
        let recording = self.out.join("recording.gsr");
        let prepare = || {
            fs::create_dir_all(&self.out)
                .with_context(|| format!("{}: cannot be made; give --out another directory", self.out.display()))?;
            let (frames, source) = mpsc::channel();
            let sink = Tee { file: Writer::new(create(&recording)?), viewer: frames };
            Ok((self.capture.capture(Some(self.generator()?)), sink, source))
        };
        let show = |source| watch(Input { origin: Origin::Live, source: Box::new(source) }, Speed::Max, self.shown.into());
        let (generator, watched) = this_machine::record_and_watch(prepare, show)?;
        // Before anything can fail: what was measured is also what people read.
        self.export(&recording)?;
        eprintln!("grantscope: results are in {}", self.out.display());
        self.check(generator)?;
        watched
    }
}

impl Bench {
    /// The generator's command line. What it prints goes to a file: the screen is the viewer's.
    fn generator(&self) -> Result<Command> {
        let log = create(&self.log())?;
        let mut command = Command::new(self.workload.clone().unwrap_or_else(beside_or_in_path));
        command.args(["run", "--scenario", &self.scenario, "--truth"]).arg(self.out.join("truth.json"));
        match self.peer {
            Some(domid) => command.args(["--peer", &domid.to_string()]),
            None => command.arg("--self"),
        };
        command.args(&self.arguments).stdout(log.try_clone().context("workload.log cannot be shared")?).stderr(log);
        Ok(command)
    }

    fn log(&self) -> PathBuf {
        self.out.join("workload.log")
    }

    fn export(&self, recording: &Path) -> Result<()> {
        let loaded = load::recording(recording, self.shown.into())?;
        loaded.report(recording);
        to_file(&loaded.aggregate, CSV, &self.out.join("results.csv"))
    }

    /// Whether the generator did what it should; `None`: it was stopped.
    fn check(&self, generator: Option<ExitStatus>) -> Result<()> {
        match generator {
            Some(status) if !status.success() => {
                let log = self.log();
                let printed = fs::read_to_string(&log).unwrap_or_default();
                let last = printed.trim_end().lines().last().unwrap_or("it said nothing").to_owned();
                bail!("the load generator failed ({status}): {last}; all of it is in {}", log.display());
            }
            Some(_) => {}
            None => eprintln!("grantscope: stopped before the benchmark's end: the results are those until then"),
        }
        Ok(())
    }
}

/// Frames go to the file, which must not fail, and to the viewer, which may be gone.
struct Tee {
    file: Writer<File>,
    viewer: mpsc::Sender<Frame>,
}

impl FrameSink for Tee {
    fn put(&mut self, frame: Frame) -> io::Result<()> {
        let _ = self.viewer.put(frame.clone());
        self.file.put(frame)
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path)
        .with_context(|| format!("{}: cannot be written; check the disk, or give --out another directory", path.display()))
}

fn beside_or_in_path() -> PathBuf {
    const NAME: &str = "grantscope-workload";
    let beside = env::current_exe().ok().and_then(|program| Some(program.parent()?.join(NAME)));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| NAME.into())
}
