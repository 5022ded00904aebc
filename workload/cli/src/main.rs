//! `grantscope-workload`: runs a scenario or the granting side of one, and writes its truth; shows and checks scenario files.

use grantscope_output::say;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use grantscope_conformance::{EXPECTED_CALLS, Test};
use grantscope_generator::balloon::with_balloon;
use grantscope_generator::device::page_size;
use grantscope_generator::line::{on_a_line, on_their_lines};
use grantscope_generator::peer::frontend;
use grantscope_generator::script::{Given, Plan};
use grantscope_generator::truth::{Ending, Header, Log, marks, monotonic_ns};
use grantscope_generator::undo::{self, FOLDER, TruthFile};
use grantscope_generator::{Error, engine, stop};
use grantscope_workload::catalog::{self, Chosen};
use grantscope_workload::cli::{CheckArgs, Cli, Command, DEFAULT_SEED, FrontendArgs, RunArgs};

fn main() -> ExitCode {
    marks::take_from_environment();
    let outcome = match Cli::parse().command {
        Command::Run(arguments) => run(&arguments),
        Command::List => print(&catalog::list()),
        Command::Show { scenario } => show(&scenario),
        Command::Check(arguments) => check(&arguments),
        Command::Frontend(arguments) => grant(&arguments),
        Command::Clean => clean(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("error: {}", on_their_lines(&format!("{error:#}")));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &RunArgs) -> Result<()> {
    if let Some(misuse) = arguments.misuse() {
        Cli::command().error(ErrorKind::ArgumentConflict, misuse).exit();
    }
    match (&arguments.scenario, arguments.scenario.file()?) {
        (Chosen::Test(test), _) => run_test(*test, arguments),
        (_, Some((file, text))) => run_file(Plan::read(&file, &text, &arguments.given())?, arguments),
        (_, None) => Ok(()),
    }
}

fn run_test(test: Test, arguments: &RunArgs) -> Result<()> {
    let header = Header::starting(test.name(), arguments.seed.unwrap_or(DEFAULT_SEED), page_size());
    logged(header, EXPECTED_CALLS, arguments, |log, header| {
        header.importer_maps = test.importer_maps(log)?;
        let skipped = &mut header.skipped;
        with_balloon(arguments.pin(), &mut header.balloon, || test.run(log, &arguments.options(), skipped))
    })
}

fn run_file(plan: Plan, arguments: &RunArgs) -> Result<()> {
    let header = Header::starting(&plan.name, plan.seed, page_size());
    logged(header, plan.expected_calls(), arguments, |log, header| engine::run(log, plan, &arguments.place(), header))
}

/// Runs `body`, and writes its truth.
fn logged(
    mut header: Header,
    expected_calls: usize,
    arguments: &RunArgs,
    body: impl FnOnce(&Log, &mut Header) -> Result<(), Error>,
) -> Result<()> {
    stop::catch_signals()?;
    arguments.scenario.is_not(&arguments.truth)?;
    recover_from_others();
    let destination = TruthFile::open(&arguments.truth)?;
    let log = Log::with_room_for(expected_calls);
    let outcome = completely(|| body(&log, &mut header));
    marks::report_lost();
    finish(header, &log, Some((destination, &arguments.truth)), outcome)
}

fn show(scenario: &Chosen) -> Result<()> {
    match (scenario, scenario.file()?) {
        (_, Some((_, text))) => print(&text),
        (Chosen::Test(test), None) => print(&format!(
            "{}: {}\nIt is a program, not a file, because it checks what no list of steps can say: see docs/truth.md.\n",
            test.name(),
            test.summary()
        )),
        (_, None) => Ok(()),
    }
}

fn check(arguments: &CheckArgs) -> Result<()> {
    let Some((file, text)) = arguments.scenario.file()? else {
        bail!("a scenario that is a program has no file to check; `list` names the others")
    };
    // The side that needs most from outside is the one worth knowing about.
    let given = Given { set: arguments.set.clone(), peer: true, ..Given::default() };
    print(&Plan::read(&file, &text, &given)?.describe())
}

/// Prints. A reader that has seen enough (`list | head -3`) is no error.
fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

/// What killed runs left is in the way of this one: a target that is still lowered, a fault that is still injected.
fn recover_from_others() {
    match undo::recover() {
        Ok(recovered) => {
            // Only where a run was killed are others' buffers worth a look here.
            let holders = if recovered.is_nothing() { vec![] } else { recovered.holders() };
            recovered.reports.iter().for_each(|text| say!("note: {}", on_a_line(text)));
            holders.iter().for_each(|holder| say!("note: {}", on_a_line(&holder.to_string())));
            recovered.problems.iter().for_each(|text| say!("warning: {}", on_a_line(text)));
        }
        Err(error) => say!("warning: cannot see in {FOLDER} what killed runs left: {error}"),
    }
}

fn clean() -> Result<()> {
    let recovered = undo::recover().map_err(|error| {
        let advice = if error.kind() == io::ErrorKind::PermissionDenied { "; are you root?" } else { "" };
        anyhow!("cannot follow what is recorded in {FOLDER}: {error}{advice}")
    })?;
    let nothing = recovered.is_nothing().then(|| "nothing is left of runs that were killed".to_owned());
    let at_work = recovered.at_work.iter().map(|run| format!("at work, and left alone: {}", run.describe()));
    let holders = recovered.holders().into_iter().map(|holder| holder.to_string());
    let lines: Vec<String> = recovered.reports.iter().cloned().chain(nothing).chain(at_work).chain(holders).collect();
    print(&lines.iter().map(|line| on_a_line(line)).collect::<Vec<_>>().join("\n"))?;
    print("\n")?;
    if recovered.problems.is_empty() { Ok(()) } else { bail!("{}", recovered.problems.join("\n")) }
}

fn grant(arguments: &FrontendArgs) -> Result<()> {
    recover_from_others();
    let destination = arguments.truth.as_deref().map(TruthFile::open).transpose()?;
    let log = Log::with_room_for(16);
    let header = Header::starting("frontend", 0, page_size());
    let offered = frontend::Offered {
        to: arguments.to,
        pages: arguments.pages as usize,
        dmabuf_pages: arguments.dmabuf_pages as usize,
        channel: arguments.channel,
    };
    let outcome = completely(|| frontend::stay(&log, &offered));
    let destination = destination.zip(arguments.truth.as_deref());
    finish(header, &log, destination, outcome)
}

/// Runs `body`; a panic becomes an error like any other, so that what was measured is written.
fn completely(body: impl FnOnce() -> Result<(), Error>) -> Result<()> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(outcome) => outcome.map_err(anyhow::Error::from),
        Err(_) => Err(anyhow!("the workload panicked: this is a defect of it; please report the text above")),
    }
}

/// Writes the truth however the run ended. The run's own error comes first; one about the file
/// is added to it.
fn finish(mut header: Header, log: &Log, destination: Option<(TruthFile, &Path)>, outcome: Result<()>) -> Result<()> {
    header.ended_ns = monotonic_ns();
    header.ending = match &outcome {
        Ok(()) => Ending::Complete,
        Err(error) if matches!(error.downcast_ref(), Some(Error::Interrupted)) => Ending::Interrupted,
        Err(error) => Ending::Failed { error: format!("{error:#}") },
    };
    let Some((destination, path)) = destination else { return outcome };
    let calls = log.calls();
    header.teardowns = log.teardowns();
    let written = destination.write(&header, &calls);
    if written.is_ok() {
        say!("truth: {} calls in {}", calls.len(), on_a_line(&path.display().to_string()));
    }
    match (outcome, written) {
        (Err(error), Err(unwritten)) => Err(error.context(unwritten)),
        (outcome, written) => outcome.and(written.map_err(anyhow::Error::from)),
    }
}
