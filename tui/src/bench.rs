//! `grantscope bench`: the load generator under the probes, watched.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};

use anyhow::{Context, Result, bail};
use grantscope_analysis::recording::{Frame, FrameSink, Writer};
use grantscope_collector::{Ended, Finished, Notify, Options};

use crate::capture::{self, Background};
use crate::cli::{BenchArgs, ExportArgs, Format};
use crate::exit::Exit;
use crate::input::Input;
use crate::reader::Speed;
use crate::state::Origin;
use crate::{export, top};

/// Runs the command.
pub fn run(args: &BenchArgs) -> Result<Exit> {
    fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot be made; give --out another directory", args.out.display()))?;
    let stop = Arc::new(Notify::new());
    let (frames, source) = mpsc::channel();
    let recording = args.out.join("recording.gsr");
    let sink = Tee { file: Writer::new(create(&recording)?), viewer: frames };
    let options = Options {
        run: args.run.clone(),
        clock: args.clock.into(),
        means: args.attach.into(),
        filter: (&args.filter).into(),
        command: Some(generator(args)?),
        stop: stop.clone(),
    };
    let capture = Background::start(options, sink)?;
    let watched = top::watch(Input { origin: Origin::Live, source: Box::new(source) }, Speed::Max);
    // The viewer is gone: quit by its user, or at the end. In the second case there is nothing left to stop.
    stop.notify_one();
    let finished = capture.finish()?;
    // Before anything can fail: what was measured is also what people read.
    export_csv(args, recording)?;
    eprintln!("grantscope: results are in {}", args.out.display());
    exit(args, &finished, watched?)
}

/// Frames go to the file, which must not fail, and to the viewer, which may be gone.
struct Tee {
    file: Writer<File>,
    viewer: mpsc::Sender<Frame>,
}

impl FrameSink for Tee {
    fn put(&mut self, frame: &Frame) -> io::Result<()> {
        let _ = self.viewer.put(frame);
        self.file.put(frame)
    }
}

fn create(path: &Path) -> Result<File> {
    File::create(path)
        .with_context(|| format!("{}: cannot be written; check the disk, or give --out another directory", path.display()))
}

/// The generator's command line. What it prints goes to a file: the screen is the viewer's.
fn generator(args: &BenchArgs) -> Result<Command> {
    let log = create(&args.out.join("workload.log"))?;
    let mut command = Command::new(args.workload.clone().unwrap_or_else(beside_or_in_path));
    command.args(["run", "--scenario", &args.scenario, "--truth"]).arg(args.out.join("truth.json"));
    match args.peer {
        Some(domid) => command.args(["--peer", &domid.to_string()]),
        None => command.arg("--self"),
    };
    command.args(&args.arguments).stdout(log.try_clone().context("workload.log cannot be shared")?).stderr(log);
    Ok(command)
}

fn beside_or_in_path() -> PathBuf {
    const NAME: &str = "grantscope-workload";
    let beside = env::current_exe().ok().and_then(|program| Some(program.parent()?.join(NAME)));
    beside.filter(|path| path.is_file()).unwrap_or_else(|| NAME.into())
}

fn exit(args: &BenchArgs, finished: &Finished, watched: Exit) -> Result<Exit> {
    capture::report_end(finished);
    match finished.ended {
        Ended::Command(status) if !status.success() => {
            let log = args.out.join("workload.log");
            let said = fs::read_to_string(&log).unwrap_or_default();
            let last = said.trim_end().lines().last().unwrap_or("it said nothing").to_owned();
            bail!("the load generator failed ({status}): {last}; all of it is in {}", log.display());
        }
        Ended::Command(_) => Ok(watched),
        Ended::Signal(_) | Ended::Stopped => {
            eprintln!("grantscope: stopped before the benchmark's end: the results are those until then");
            Ok(watched)
        }
    }
}

fn export_csv(args: &BenchArgs, recording: PathBuf) -> Result<()> {
    let csv = ExportArgs { format: Format::Csv, recording, output: Some(args.out.join("results.csv")) };
    export::run(&csv).map(drop)
}
