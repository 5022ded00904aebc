//! `cargo xtask lab run`: one run, its results in a folder, and the program's own output and exit status back here.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use grantscope_workload::{
    catalog::Chosen,
    script::{Given, Plan},
};

use crate::{
    bench::{self, BenchSpec},
    boot::{
        console_watch::{End, PATIENCE},
        run::{Follower, Outcome},
    },
    cache::Cache,
    clock::Clock,
    guest::job::{Command, Job},
    lab::Lab,
    programs,
    progress::Step,
    results,
    setup::{self, Consent},
};

/// Arguments of `lab run`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What the workload does: one of the scenarios that it knows by name, or a scenario file (docs/scenarios.md)
    #[arg(long, value_name = "NAME|FILE", default_value = "sweep", conflicts_with = "program")]
    pub scenario: String,
    /// Another value for a parameter of a scenario file; several values make arms
    #[arg(long, value_name = "NAME=VALUE,…", conflicts_with = "program")]
    pub set: Vec<String>,
    /// The machine and the kernel
    #[arg(long, value_name = "NAME", default_value = bench::MAIN.name, value_parser = bench::parser())]
    pub bench: &'static BenchSpec,
    /// What time means in the run: counted instructions, which repeat, or the host's clock [default: counted where the bench can]
    #[arg(long, value_enum)]
    pub clock: Option<Clock>,
    /// The folder for recording.gsr, results.csv, truth.json, console.log, and what the program wrote
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The run's name in the recording and in results.csv [default: the name of DIR]
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,
    /// Seconds of silence after which the run counts as hung
    #[arg(long, value_name = "SECONDS", default_value_t = PATIENCE.as_secs())]
    pub patience: u64,
    /// Run the program alone: nothing is recorded, so there is no recording.gsr and no results.csv
    #[arg(long)]
    pub bare: bool,
    /// Agree to everything that setup would ask
    #[arg(long)]
    pub yes: bool,
    /// A static program of yours for the bench's architecture, or one that is in dom0, to profile instead of the workload, with its
    /// arguments
    #[arg(last = true, value_name = "PROGRAM [ARGS]")]
    pub program: Vec<String>,
}

/// Runs, and gives the exit code that the program's status calls for.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // What is wrong with the request is said before anything is built or booted.
    let command = command(arguments)?;
    let bench = arguments.bench;
    let clock = bench.clock(arguments.clock)?;
    let name = run_name(arguments)?;
    fs::create_dir_all(&arguments.out).with_context(|| format!("cannot make the folder {}", arguments.out.display()))?;
    remove_old(&arguments.out)?;
    let consent = Consent::new(arguments.yes);
    let cache = Cache::open()?;
    let needs_ours = !arguments.bare || command.program.contains("grantscope");
    let ours = match needs_ours {
        true => Some(programs::for_lab(&setup::compilers(&cache, consent, &[bench])?, bench.architecture)?),
        false => None,
    };
    // Only a recording is looked at.
    let viewer = (!arguments.bare).then(programs::viewer).transpose()?;
    let lab = Lab::new(setup::bench(&cache, consent, bench)?, ours.as_ref())?;
    let job = if arguments.bare { Job::Bare(command) } else { Job::Record { command, clock, run: name } };
    let mut follower = Progress::new();
    let patience = Duration::from_secs(arguments.patience);
    let outcome = lab.run(&job, clock, patience, &arguments.out, &mut follower)?;
    follower.end(&outcome);
    if let Some(viewer) = viewer.filter(|_| outcome.recorded > 0) {
        results::export_csv(&viewer, &arguments.out)?;
    }
    if outcome.recorded == 0 {
        // An empty file would look like a recording of nothing.
        fs::remove_file(arguments.out.join("recording.gsr")).ok();
    }
    report(&outcome, &arguments.out)
}

/// The command that the arguments ask for.
fn command(arguments: &Arguments) -> Result<Command> {
    if let Some((program, rest)) = arguments.program.split_first() {
        return Command::named(program, rest, arguments.bench.architecture);
    }
    if arguments.bare {
        bail!("--bare needs a PROGRAM: cargo xtask lab run --bare --out DIR -- /bin/busybox uname -a");
    }
    scenario_with(arguments.bench, &arguments.scenario, &arguments.set)
}

/// Where a scenario file of the host's lies in dom0.
const SCENARIO_FILE: &str = "scenario.toml";

/// The workload with a scenario, on another domain's pages if the bench has one that grants.
pub fn scenario(bench: &BenchSpec, scenario: &str) -> Result<Command> {
    scenario_with(bench, scenario, &[])
}

/// The same, with other values for parameters of a scenario file. What is wrong with them is said here, by the workload's own check.
fn scenario_with(bench: &BenchSpec, scenario: &str, set: &[String]) -> Result<Command> {
    let chosen = Chosen::named(scenario).map_err(|error| anyhow!("--scenario {scenario}: {error}"))?;
    let settings = set.iter().map(|setting| Given::setting(setting).map_err(|error| anyhow!("--set {setting}: {error}")));
    let set_to = settings.collect::<Result<Vec<_>>>()?;
    match chosen.file()? {
        Some((name, text)) => {
            let given = Given { set: set_to, peer: bench.domains.have_frontend(), ..Given::default() };
            Plan::read(&name, &text, &given)?;
        }
        None => ensure!(set.is_empty(), "--set is for scenario files, and {scenario} is a program"),
    }
    let in_dom0 = format!("/job/{SCENARIO_FILE}");
    let (named, files) = match chosen {
        Chosen::File(path) => (in_dom0.as_str(), vec![(SCENARIO_FILE.to_owned(), path)]),
        Chosen::Test(_) | Chosen::Builtin(_) => (scenario, vec![]),
    };
    let source: &[&str] = if bench.domains.have_frontend() { &["--peer", "1"] } else { &["--self"] };
    let set: Vec<&str> = set.iter().flat_map(|setting| ["--set", setting.as_str()]).collect();
    let arguments = [&["run", "--scenario", named], source, &set, &["--truth", "/out/truth.json"]].concat();
    Ok(Command { files, ..Command::inside("/bin/grantscope-workload", &arguments) })
}

fn run_name(arguments: &Arguments) -> Result<String> {
    if let Some(name) = &arguments.run {
        return Ok(name.clone());
    }
    let folder = std::path::absolute(&arguments.out)?;
    let name = folder.file_name().context("--out names no folder")?;
    Ok(name.to_string_lossy().into_owned())
}

/// Results of an earlier run must not pass for this one's.
pub fn remove_old(out: &Path) -> Result<()> {
    for name in ["recording.gsr", "results.csv", "truth.json", "console.log", "stdout", "stderr", "status", "dmesg"] {
        match fs::remove_file(out.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove the old {name} in {}", out.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Hands the program's output on, says what the run left, and gives the exit code.
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
            eprintln!("the program ended with status {status}; what it did until then is in {}", out.display());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_that_makes_no_sense_is_refused_before_anything_boots() {
        let refused = |name: &str, set: &[String]| format!("{:#}", scenario_with(bench::MAIN, name, set).unwrap_err());
        assert!(refused("swep", &[]).contains("there is no scenario of that name"));
        assert!(refused("./no-such-file.toml", &[]).contains("cannot read the scenario ./no-such-file.toml"));
        assert!(refused("faults", &["pages=1".into()]).contains("faults is a program"));
        assert!(refused("latency-1", &["page=1".into()]).contains("write pages"));
        let file = std::env::temp_dir().join(format!("grantscope-bad-{}.toml", std::process::id()));
        fs::write(&file, "version = 1\nname = 4\n").unwrap();
        let problems = refused(file.to_str().unwrap(), &[]);
        fs::remove_file(&file).unwrap();
        assert!(problems.contains(".toml:1:1: the key summary at the head of a scenario is missing"), "{problems}");
    }

    #[test]
    fn a_file_goes_to_dom0_with_the_job() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../workload/scenarios/latency-1.toml");
        let command = scenario_with(bench::MAIN, file, &["pages=1,16".into()]).unwrap();
        assert_eq!(command.files, [("scenario.toml".to_owned(), PathBuf::from(file))]);
        assert_eq!(
            command.arguments,
            ["run", "--scenario", "/job/scenario.toml", "--peer", "1", "--set", "pages=1,16", "--truth", "/out/truth.json"]
        );
        assert_eq!(scenario(bench::MAIN, "latency-1").unwrap().files, []);
    }
}
