//! `cargo xtask demo`: everything from nothing, with the live view on this terminal and a summary at the end.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    boot::{
        console_watch::{End, TIMEOUT},
        run::{Follower, Outcome},
    },
    cache::Cache,
    fetch::Consent,
    guest::{job::Job, scenario},
    lab::Lab,
    platform::{Clock, MAIN, clock},
    programs,
    progress::Step,
    results, setup,
};

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The workload's scenario: the name of a built-in one, or a scenario file (docs/scenarios.md)
    #[arg(long, value_name = "NAME|FILE", default_value = "sweep")]
    pub scenario: String,
    /// The run's clock: counted instructions, which repeat, or the host's clock
    #[arg(long, value_name = "CLOCK", default_value = Clock::Counted.name(), value_parser = clock::parser())]
    pub clock: Clock,
    /// The folder for results.csv, recording.gsr, truth.json and console.log
    #[arg(long, value_name = "DIR", default_value = "demo")]
    pub out: PathBuf,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
}

/// Runs the demonstration.
///
/// # Errors
/// When the lab cannot be set up, or the run fails.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let command = scenario::command(MAIN, &arguments.scenario)?;
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    results::remove_old(out)?;
    let consent = Consent::new(arguments.yes);
    let cache = Cache::open()?;
    let compilers = setup::compilers(&cache, consent, &[MAIN])?;
    let viewer = programs::viewer()?;
    let ours = programs::for_lab(&compilers, MAIN.architecture)?;
    let lab = Lab::new(setup::parts(&cache, consent, MAIN)?, Some(&ours))?;
    let job = Job::Record { command, clock: arguments.clock, run: "demo".into() };
    let mut screen = Screen::new(&viewer);
    let outcome = lab.run(&job, arguments.clock, TIMEOUT, out, &mut screen);
    // The results lie on the disk before the person closes the view, whatever happens to this terminal then.
    let recorded = screen.viewer.is_some();
    if recorded {
        results::export_csv(out)?;
    }
    let left = screen.end()?;
    let outcome = match outcome {
        // The person closed the view: that ends the demonstration early, and is no failure.
        Err(_) if left => None,
        other => Some(other?),
    };
    finish(out, recorded, outcome.as_ref())
}

/// Says where the results are; the viewer has printed the summary when it ended.
fn finish(out: &Path, recorded: bool, outcome: Option<&Outcome>) -> Result<ExitCode> {
    if let Some(failed) = outcome.filter(|outcome| outcome.end != End::Pass) {
        eprint!("{}", failed.text("stderr").unwrap_or_default());
        return Err(failed.error(&out.join("console.log")));
    }
    if outcome.is_none() {
        println!("the view was closed before the benchmark ended: the results are incomplete");
    }
    println!("results:");
    for name in ["results.csv", "recording.gsr", "truth.json", "console.log"] {
        if out.join(name).exists() {
            println!("  {}", out.join(name).display());
        }
    }
    if recorded {
        println!("to open it again: cargo run --release -p grantscope -- top --replay {}", out.join("recording.gsr").display());
    }
    Ok(ExitCode::SUCCESS)
}

/// What is on the screen: how far the boot is, then, from the first byte of the recording on, the viewer.
struct Screen<'a> {
    program: &'a Path,
    boot: Option<Step>,
    viewer: Option<Child>,
}

impl<'a> Screen<'a> {
    fn new(program: &'a Path) -> Self {
        Self { program, boot: Some(Step::start("the lab boots")), viewer: None }
    }

    fn start_viewer(&mut self) -> Result<&mut Child> {
        if let Some(boot) = self.boot.take() {
            boot.vanish();
        }
        let child = Command::new(self.program)
            .args(["top", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the viewer {:?}", self.program))?;
        Ok(self.viewer.insert(child))
    }

    /// Waits until the viewer has ended, and says whether it had ended before its input did.
    fn end(mut self) -> Result<bool> {
        let Some(mut viewer) = self.viewer.take() else {
            return Ok(false);
        };
        let left = viewer.try_wait()?.is_some();
        drop(viewer.stdin.take());
        viewer.wait().context("cannot wait for the viewer")?;
        Ok(left)
    }
}

impl Follower for Screen<'_> {
    fn stage(&mut self, stage: &str) {
        if let Some(boot) = &self.boot {
            boot.note(stage);
        }
    }

    fn recorded(&mut self, bytes: &[u8]) -> Result<()> {
        let viewer = match &mut self.viewer {
            Some(viewer) => viewer,
            None => self.start_viewer()?,
        };
        let Some(input) = &mut viewer.stdin else {
            bail!("the viewer has no input");
        };
        if input.write_all(bytes).is_err() {
            // It takes a moment to end after it has closed its input.
            std::thread::sleep(Duration::from_millis(200));
            bail!("the viewer was closed");
        }
        Ok(())
    }
}
