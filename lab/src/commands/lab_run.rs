//! `cargo xtask lab run`: one run, its results in a folder, and the program's own output and exit status back here.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::own_kernel;
use crate::{
    boot::{
        console_watch::{End, TIMEOUT},
        run::{Follower, Outcome},
    },
    cache::Cache,
    fetch::Consent,
    guest::{
        job::{Command, Job},
        scenario,
    },
    lab::Lab,
    platform::{self, Clock, Platform, clock},
    programs,
    progress::Step,
    results, setup,
};

/// Arguments of `lab run`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The workload's scenario: the name of a built-in one, or a scenario file (docs/scenarios.md) [default: sweep, if there is no --kernel]
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "program")]
    pub scenario: Option<String>,
    /// Sets a parameter of a scenario file; several values make arms
    #[arg(long, value_name = "NAME=VALUE,…", conflicts_with = "program")]
    pub set: Vec<String>,
    /// The platform: the emulated machine and the kernel
    #[arg(long, alias = "bench", value_name = "NAME", default_value = platform::MAIN.name, value_parser = platform::parser())]
    pub platform: &'static Platform,
    /// A kernel of the user's own.
    #[command(flatten)]
    pub own: own_kernel::Named,
    /// The run's clock: counted instructions, which repeat, or the host's clock [default: counted where the platform has it]
    #[arg(long, value_name = "CLOCK", value_parser = clock::parser())]
    pub clock: Option<Clock>,
    /// The folder for recording.gsr, results.csv, truth.json, console.log, and what the program wrote
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The run's name in the recording and in results.csv [default: the name of DIR]
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,
    /// Seconds without output after which the run counts as hung
    #[arg(long = "patience", value_name = "SECONDS", default_value_t = TIMEOUT.as_secs())]
    pub timeout_s: u64,
    /// Boots and runs so often, each run into a folder of its own in DIR: 1, 2, … A scenario has another seed in each. `grantscope compare`
    /// takes DIR as one side
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub runs: u32,
    /// Run the program without the recorder: there is no recording.gsr and no results.csv
    #[arg(long)]
    pub bare: bool,
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
    /// A static program for the platform's architecture, or one of dom0's, to run instead of the workload, with its arguments
    #[arg(last = true, value_name = "PROGRAM [ARGS]")]
    pub program: Vec<String>,
}

/// Runs, and gives the exit code that the program's status calls for.
///
/// # Errors
/// When the request makes no sense, the lab cannot be set up, or the run has no verdict.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // A wrong request is refused before anything is built or booted.
    let load = is_load(arguments);
    let is_own = arguments.own.kernel.is_some();
    let platform = if is_own { own_kernel::platform(arguments.platform, load) } else { arguments.platform };
    let (given, _folder) = own_kernel::given(&arguments.own, platform)?;
    let command = if is_own && !load { None } else { Some(command(arguments, platform)?) };
    let clock = platform.clock(arguments.clock)?;
    let name = run_name(arguments)?;
    let folders: Vec<_> = match arguments.runs {
        1 => vec![arguments.out.clone()],
        runs => (1..=runs).map(|run| arguments.out.join(run.to_string())).collect(),
    };
    for folder in &folders {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        results::remove_old(folder)?;
    }
    let consent = Consent::new(arguments.yes);
    let cache = Cache::open()?;
    let needs_ours = !arguments.bare || command.as_ref().is_none_or(|command| command.program.contains("grantscope"));
    let ours = match needs_ours {
        true => Some(programs::for_lab(&setup::compilers(&cache, consent, &[platform])?, platform.architecture)?),
        false => None,
    };
    let lab = Lab::new(setup::parts_beside(&cache, consent, platform, given)?, ours.as_ref())?;
    for (seed, folder) in (1..).zip(&folders) {
        let job = match &command {
            None => own_kernel::doctor(),
            Some(command) => {
                let command = if folders.len() > 1 { with_seed(arguments, command, seed) } else { command.clone() };
                if arguments.bare { Job::Bare(command) } else { Job::Record { command, clock, run: name.clone() } }
            }
        };
        let exit = one(arguments, &lab, &job, clock, folder)?;
        if exit != ExitCode::SUCCESS {
            return Ok(exit);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs once, into a folder.
fn one(arguments: &Arguments, lab: &Lab, job: &Job, clock: Clock, out: &Path) -> Result<ExitCode> {
    let mut follower = Progress::new();
    let outcome = lab.run(job, clock, Duration::from_secs(arguments.timeout_s), out, &mut follower)?;
    follower.end(&outcome);
    if let Job::Said(_) = job {
        fs::remove_file(out.join("recording.gsr")).ok();
        return own_kernel::report(&outcome, out);
    }
    if outcome.recorded == 0 {
        // An empty file would look like a recording of nothing.
        fs::remove_file(out.join("recording.gsr")).ok();
    } else if !arguments.bare {
        results::export_csv(out)?;
    }
    let exit = report(&outcome, out);
    match arguments.own.kernel {
        Some(_) => exit.map_err(|error| own_kernel::with_advice(error, &outcome, out)),
        None => exit,
    }
}

/// Whether something is named that runs, and not only a kernel.
fn is_load(arguments: &Arguments) -> bool {
    arguments.own.kernel.is_none() || arguments.scenario.is_some() || !arguments.program.is_empty() || arguments.bare
}

/// Runs that do the same in the same order would say nothing of what the order does.
fn with_seed(arguments: &Arguments, command: &Command, seed: u32) -> Command {
    let mut command = command.clone();
    if arguments.program.is_empty() {
        command.arguments.extend(["--seed".to_owned(), seed.to_string()]);
    }
    command
}

/// The command that the arguments ask for.
fn command(arguments: &Arguments, platform: &Platform) -> Result<Command> {
    if let Some((program, rest)) = arguments.program.split_first() {
        return Command::named(program, rest, platform.architecture);
    }
    if arguments.bare {
        bail!("--bare needs a PROGRAM: cargo xtask lab run --bare --out DIR -- /bin/busybox uname -a");
    }
    scenario::with_settings(platform, arguments.scenario.as_deref().unwrap_or("sweep"), &arguments.set)
}

fn run_name(arguments: &Arguments) -> Result<String> {
    if let Some(name) = &arguments.run {
        return Ok(name.clone());
    }
    let folder = std::path::absolute(&arguments.out)?;
    let name = folder.file_name().context("--out names no folder")?;
    Ok(name.to_string_lossy().into_owned())
}

/// Prints the program's output and where the results are, and gives the exit code.
///
/// # Errors
/// When the run ended neither well nor by the program's own status.
pub fn report(outcome: &Outcome, out: &Path) -> Result<ExitCode> {
    let stdout = outcome.text("stdout").unwrap_or_default();
    let stderr = outcome.text("stderr").unwrap_or_default();
    std::io::stdout().write_all(stdout.as_bytes())?;
    std::io::stdout().flush()?;
    eprint!("{stderr}");
    for warning in &outcome.warnings {
        eprintln!("the kernel complained: {warning}");
    }
    match (&outcome.end, outcome.status()) {
        (End::Pass, Some(0)) => {
            eprintln!("results in {}", out.display());
            Ok(ExitCode::SUCCESS)
        }
        (End::Fail(_), Some(status @ 1..)) => {
            eprintln!("the program ended with status {status}; its results until then are in {}", out.display());
            Ok(ExitCode::from(u8::try_from(status).unwrap_or(1)))
        }
        _ => Err(outcome.error(&out.join("console.log"))),
    }
}

/// Shows on the terminal how far a run came.
pub struct Progress {
    step: Option<Step>,
    recorded: u64,
}

impl Progress {
    /// Starts showing.
    pub fn new() -> Self {
        Self { step: Some(Step::start("the lab")), recorded: 0 }
    }

    /// Stops showing.
    pub fn end(mut self, outcome: &Outcome) {
        if let Some(step) = self.step.take() {
            let sentence = outcome.end.sentence();
            step.done(&format!("{sentence}; {} bytes recorded", outcome.recorded));
        }
    }
}

impl Follower for Progress {
    fn stage(&mut self, stage: &str) {
        if let Some(step) = &self.step {
            step.note(stage);
        }
    }

    fn recorded(&mut self, bytes: &[u8]) -> Result<()> {
        self.recorded += bytes.len() as u64;
        if let Some(step) = &self.step {
            step.note(&format!("recording, {} KiB", self.recorded >> 10));
        }
        Ok(())
    }
}
