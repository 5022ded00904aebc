//! `cargo xtask test`: formatting, lints, unit tests, then the lab's checks; one summary of all of it at the end.

use std::{
    io::{self, Write as _},
    process::{Command, ExitCode},
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use anyhow::Result;

use crate::{
    checks::{self, Check, Harness, tell},
    command,
    fetch::Consent,
    place, programs,
    progress::spell,
};

/// Checks of the lab that run at a time, if there are as many processors. A check keeps one processor busy, the emulator's;
/// counted time is the same however busy the machine is.
const AT_ONCE: usize = 2;

/// Arguments of `test`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Agree to everything that setup would ask
    #[arg(long)]
    pub yes: bool,
    /// Also check the platforms whose kernels are built here only for that, which takes minutes the first time
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
    if arguments.only.is_none() {
        static_checks(&mut count);
        unit_tests(&mut count);
    }
    lab_checks(arguments, &mut count);
    // Alone on its line and in this form, for those who count tests by it.
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(if count.failed == 0 && count.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn static_checks(count: &mut Count) {
    let probes = place::work_tree().join("probes");
    let mut formatting = programs::stable_cargo();
    formatting.args(["fmt", "--all", "--check"]);
    let mut probe_formatting = programs::stable_cargo();
    probe_formatting.current_dir(&probes).args(["fmt", "--check"]);
    let format = |name: &str, mut cargo: Command| report(name, command::run(&mut cargo));
    count.add_one(format("formatting", formatting));
    count.add_one(format("formatting of the probes", probe_formatting));
    count.add_one(report("lints", lints()));
}

fn lints() -> Result<()> {
    let (mut cargo, _lock) = programs::cargo_for_checks()?;
    command::run(cargo.args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

/// Says how it went, and whether it went well.
fn report(name: &str, result: Result<()>) -> bool {
    if let Err(error) = &result {
        eprintln!("{error:#}");
    }
    say(name, result.is_ok());
    result.is_ok()
}

fn unit_tests(count: &mut Count) {
    let mut seen = Count::default();
    // What did not compile has no summary to count.
    if cargo_test(&mut seen).is_err() && seen.failed == 0 {
        seen.failed = 1;
    }
    count.add(seen);
}

fn cargo_test(seen: &mut Count) -> Result<()> {
    let (mut cargo, _lock) = programs::cargo_for_checks()?;
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    // A snapshot that is not there is a failure, not a new file.
    cargo.env("INSTA_UPDATE", "no");
    command::lines(&mut cargo, |line| {
        println!("{line}");
        if let Some(more) = parse_summary(line) {
            seen.add(more);
        }
    })
}

fn lab_checks(arguments: &Arguments, count: &mut Count) {
    let on_demand = if arguments.all_platforms { checks::ON_DEMAND } else { &[] };
    let named = |check: &&Check| arguments.only.as_ref().is_none_or(|part| check.name.contains(part));
    let chosen: Vec<_> = checks::ALL.iter().chain(on_demand).filter(named).collect();
    if chosen.is_empty() {
        let needs_more = checks::ON_DEMAND.iter().any(|check| named(&check));
        let advice = if needs_more { "; with --all-platforms there is one" } else { "" };
        eprintln!("no check of the lab has {:?} in its name{advice}", arguments.only.as_deref().unwrap_or_default());
        return;
    }
    let harness = match Harness::new(Consent::new(arguments.yes)) {
        Ok(harness) => harness,
        Err(error) => return count.add_one(report("the lab can be set up", Err(error))),
    };
    let together = thread::available_parallelism().map_or(1, usize::from).min(AT_ONCE);
    let (waiting, counts) = (Mutex::new(chosen.into_iter()), Mutex::new(count));
    thread::scope(|scope| {
        for _ in 0..together {
            scope.spawn(|| {
                // The lock is let go before the check begins.
                while let Some(check) = { waiting.lock().unwrap_or_else(PoisonError::into_inner).next() } {
                    let good = run_check(check, &harness);
                    counts.lock().unwrap_or_else(PoisonError::into_inner).add_one(good);
                }
            });
        }
    });
}

/// Runs one, and says what it said in one piece.
fn run_check(check: &Check, harness: &Harness) -> bool {
    let started = Instant::now();
    let result = (check.run)(harness);
    let mut out = io::stdout().lock();
    for line in tell::said() {
        // Nobody who would read it is left: then nobody misses it either.
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
