//! `cargo xtask test`: formatting, tidy, lints, unit tests, then the lab's checks; one summary of all of it at the end.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::Result;

use super::{fuzz, tidy};
use crate::{
    cache::Cache,
    checks::{self, Check, Harness, notes, platforms_document},
    command,
    fetch::Consent,
    place,
    platform::{Architecture, MAIN},
    programs,
    progress::spell,
    setup::{self, Compilers},
    tidy::{RULES, Tree},
};

/// Checks of the lab that run at a time, if there are as many processors. A check keeps one processor busy, the emulator's;
/// counted time is the same however busy the machine is.
const AT_ONCE: usize = 2;

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Agree to everything that setup asks
    #[arg(long)]
    pub yes: bool,
    /// Also check platforms whose kernels are built for the check only, which takes minutes the first time
    #[arg(long, alias = "all-benches")]
    pub all_platforms: bool,
    /// Run only the lab's checks whose name contains this
    #[arg(value_name = "NAME")]
    pub only: Option<String>,
}

/// How many of something passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    fn add_one(&mut self, good: bool) {
        self.add(if good { Self { passed: 1, failed: 0 } } else { Self { passed: 0, failed: 1 } });
    }
}

/// Runs everything, also after a failure, and prints the summary.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut count = Count::default();
    let consent = Consent::new(arguments.yes);
    let (mut compilers, mut ahead) = (None, None);
    if arguments.only.is_none() {
        static_checks(&mut count);
        (compilers, ahead) = compiled_checks(consent, &mut count);
    }
    lab_checks(arguments, compilers, &mut count);
    // All that it compiles was waited for, or nobody needs it. Whether it panicked, the check knows that had to compile it.
    let _ = ahead.map(JoinHandle::join);
    if arguments.all_platforms {
        print!("\n{}", platforms_document::seen());
        if arguments.only.is_none() {
            count.add_one(report("every platform is profiled exactly", platforms_document::all_are_exact()));
        }
    }
    // Alone on its line and in this form, for those who count tests by it.
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(if count.failed == 0 && count.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is seen without compiling anything.
fn static_checks(count: &mut Count) {
    let probes = place::work_tree().join("probes");
    let mut formatting = programs::stable_cargo();
    formatting.args(["fmt", "--all", "--check"]);
    let mut probe_formatting = programs::stable_cargo();
    probe_formatting.current_dir(&probes).args(["fmt", "--check"]);
    let format = |name: &str, mut cargo: Command| report(name, command::run(&mut cargo));
    count.add_one(format("formatting", formatting));
    count.add_one(format("formatting of the probes", probe_formatting));
    match Tree::read(place::work_tree()) {
        Ok(tree) => RULES.iter().for_each(|rule| count.add_one(report(rule.name, tidy::check(rule, &tree)))),
        Err(error) => count.add_one(report("tidy", Err(error))),
    }
}

/// Lints and unit tests of everything. What captures embeds the probes, so they are compiled first; where they cannot be, the rest is
/// looked at all the same.
fn compiled_checks(consent: Consent, count: &mut Count) -> (Option<Compilers>, Option<JoinHandle<()>>) {
    let (compilers, probes) = match probes(consent) {
        Ok((compilers, probes)) => (Some(compilers), Ok(probes)),
        Err(error) => (None, Err(error)),
    };
    let object = probes.as_ref().ok().cloned();
    count.add_one(report("the probes compile", probes.map(drop)));
    count.add_one(report("lints", lints(object.as_deref(), &WHOLE)));
    count.add_one(report("lints of the viewer alone", lints(object.as_deref(), &VIEWER)));
    count.add_one(report("unit tests compile", compile_tests(object.as_deref())));
    let ahead = compilers.clone().map(|compilers| thread::spawn(move || compile_ahead(&compilers)));
    unit_tests(object.as_deref(), &WHOLE, count);
    unit_tests(object.as_deref(), &VIEWERS_TESTS, count);
    readers_on_mutated_inputs(count);
    (compilers, ahead)
}

/// Every crate, and the program with all that it can do.
const WHOLE: [&str; 3] = ["--workspace", "--features", "grantscope/capture"];
/// The program without what captures: that is a build of its own, with a few lines of its own.
const VIEWER: [&str; 2] = ["--package", "grantscope"];
/// The tests that run the program, as which it differs. With the whole workspace the libraries beneath it are those of the other tests.
const VIEWERS_TESTS: [&str; 3] = ["--workspace", "--test", "cli"];

fn probes(consent: Consent) -> Result<(Compilers, PathBuf)> {
    let compilers = setup::compilers(&Cache::open()?, consent, &[MAIN])?;
    let object = programs::probes(&compilers, MAIN.architecture.probes())?;
    Ok((compilers, object))
}

fn lints(probes: Option<&Path>, what: &[&str]) -> Result<()> {
    let (mut cargo, _lock) = programs::cargo_for_checks(probes)?;
    command::run(cargo.args(["clippy", "--quiet", "--all-targets"]).args(what).args(["--", "-D", "warnings"]))
}

/// Prints a check's result; returns whether it passed.
fn report(name: &str, result: Result<()>) -> bool {
    if let Err(error) = &result {
        eprintln!("{error:#}");
    }
    say(name, result.is_ok());
    result.is_ok()
}

fn compile_tests(probes: Option<&Path>) -> Result<()> {
    let (mut cargo, _lock) = programs::cargo_for_checks(probes)?;
    command::run(cargo.args(["test", "--no-run"]).args(WHOLE))
}

/// What the lab's checks run: each is optimised as one whole, by one processor, and unit tests wait more than they compute. An error is said
/// by the check that asks for the program, to which it happens again.
fn compile_ahead(compilers: &Compilers) {
    for architecture in Architecture::ALL {
        let _ = programs::for_lab(compilers, architecture);
    }
}

fn unit_tests(probes: Option<&Path>, what: &[&str], count: &mut Count) {
    let mut seen = Count::default();
    // What did not compile has no summary to count.
    if cargo_test(probes, what, &mut seen).is_err() && seen.failed == 0 {
        seen.failed = 1;
    }
    count.add(seen);
}

fn cargo_test(probes: Option<&Path>, what: &[&str], seen: &mut Count) -> Result<()> {
    let (mut cargo, _lock) = programs::cargo_for_checks(probes)?;
    cargo.args(["test", "--no-fail-fast"]).args(what);
    // A snapshot that is not there is a failure, not a new file.
    cargo.env("INSTA_UPDATE", "no");
    command::lines(&mut cargo, |line| {
        println!("{line}");
        if let Some(more) = parse_summary(line) {
            seen.add(more);
        }
    })
}

/// A result for each reader, with how often it was executed.
fn readers_on_mutated_inputs(count: &mut Count) {
    let mut seen = Count::default();
    let result = fuzz::bounded(|line| {
        println!("{line}");
        match line.split_once(' ') {
            Some(("ok", _)) => seen.add_one(true),
            Some(("FAIL", _)) => seen.add_one(false),
            _ => {}
        }
    });
    if seen.failed == 0 {
        seen.add_one(report("every reader bears mutated inputs", result));
    }
    count.add(seen);
}

fn lab_checks(arguments: &Arguments, compilers: Option<Compilers>, count: &mut Count) {
    let on_demand = if arguments.all_platforms { checks::ON_DEMAND } else { &[] };
    let named = |check: &&Check| arguments.only.as_ref().is_none_or(|part| check.name.contains(part));
    let chosen: Vec<_> = checks::ALL.iter().chain(on_demand).filter(named).collect();
    if chosen.is_empty() {
        let needs_more = checks::ON_DEMAND.iter().any(|check| named(&check));
        let advice = if needs_more { "; with --all-platforms there is one" } else { "" };
        eprintln!("no check of the lab has {:?} in its name{advice}", arguments.only.as_deref().unwrap_or_default());
        return;
    }
    let harness = match Harness::new(Consent::new(arguments.yes), compilers) {
        Ok(harness) => harness,
        Err(error) => return count.add_one(report("the lab can be set up", Err(error))),
    };
    let together = thread::available_parallelism().map_or(1, usize::from).min(AT_ONCE);
    let (waiting, counts) = (Mutex::new(chosen.into_iter()), Mutex::new(count));
    thread::scope(|scope| {
        for _ in 0..together {
            scope.spawn(|| {
                // The lock is released before the check begins.
                while let Some(check) = { waiting.lock().unwrap_or_else(PoisonError::into_inner).next() } {
                    let good = run_check(check, &harness);
                    counts.lock().unwrap_or_else(PoisonError::into_inner).add_one(good);
                }
            });
        }
    });
}

/// Runs one, and prints its notes in one piece.
fn run_check(check: &Check, harness: &Harness) -> bool {
    let started = Instant::now();
    let result = (check.run)(harness);
    let mut out = io::stdout().lock();
    for line in notes::take() {
        // A closed pipe has no reader.
        let _ = writeln!(out, "     {line}");
    }
    report(&format!("{} ({})", check.name, spell(started.elapsed())), result)
}

fn say(name: &str, good: bool) {
    println!("{} {name}", if good { "ok  " } else { "FAIL" });
}

/// The counts in cargo test's `test result: ok. 12 passed; 0 failed; 0 ignored; …`.
fn parse_summary(line: &str) -> Option<Count> {
    let rest = line.trim_start().strip_prefix("test result: ")?;
    let number = |word: &str| {
        let (before, _) = rest.split_once(word)?;
        before.rsplit(' ').find(|part| !part.is_empty())?.parse().ok()
    };
    Some(Count { passed: number(" passed")?, failed: number(" failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_cargo_test_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        assert_eq!(parse_summary(line), Some(Count { passed: 12, failed: 3 }));
        assert_eq!(parse_summary("test tests::x ... ok"), None);
    }
}
