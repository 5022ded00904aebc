//! Several runs, each in a folder of its own: so many, or until they decide what is asked of them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use grantscope_analysis::decide::{Comparison, compare_groups, compare_ways};
use grantscope_analysis::report::decide::TEXT;
use grantscope_analysis::report::decide::words::undecided;
use grantscope_analysis::runs::{Arm, Run};
use grantscope_analysis::series::Wanted;
use grantscope_analysis::shown::counted;
use grantscope_output::say;

use super::arguments::Bench;
use super::one::{Ended, One, RECORDING};
use crate::exit::Exit;
use crate::options::judged::{Judge, exit};
use crate::screen::until::Until;
use crate::source::whole_runs;

/// The runs of a benchmark, and what they are judged by.
pub struct Repeated<'a> {
    bench: &'a Bench,
    question: Option<Question>,
}

/// What runs are judged by.
struct Question {
    judge: Judge,
    wanted: Wanted,
    against: Against,
    /// All runs so far.
    head: Vec<Run>,
    /// How often it was asked whether they decide it; 0: it is asked once, at the end.
    looks: u32,
}

/// What runs are compared with.
enum Against {
    /// Those of another time.
    Runs(Vec<Run>),
    /// Themselves: what they did in different ways.
    Ways(Arm),
}

/// What follows from a run.
enum Next {
    /// One more is needed.
    Another,
    /// There are enough.
    Enough,
}

impl<'a> Repeated<'a> {
    /// Reads what the runs are to be compared with: that it can be is known before anything is run.
    ///
    /// # Errors
    /// It cannot be read, or the folder has runs already that would be taken for some of these.
    pub fn new(bench: &'a Bench) -> Result<Self> {
        if bench.is_repeated() {
            is_new(&bench.out)?;
            if bench.arguments.iter().any(|argument| argument.to_string_lossy().starts_with("--seed")) {
                bail!("every run has a seed of its own, its number; leave --seed out, or run once");
            }
        }
        let judged = &bench.judged;
        let wanted = bench.shown.into();
        let against = match judged.arms {
            Some(arm) => Some(Against::Ways(arm)),
            None if judged.against.is_empty() => None,
            None => Some(Against::Runs(whole_runs::runs(&judged.against, wanted)?)),
        };
        if against.is_none() && judged.limits.limits.are_given() {
            bail!("limits are for a comparison; give --against RUN, or --arms buffer");
        }
        let judge = judged.limits.judge()?;
        Ok(Self { bench, question: against.map(|against| Question { judge, wanted, against, head: Vec::new(), looks: 0 }) })
    }

    /// Runs them all.
    ///
    /// # Errors
    /// One cannot be recorded, or the generator fails.
    pub fn run(mut self) -> Result<Exit> {
        let began = Instant::now();
        let mut longest = Duration::ZERO;
        for number in 1.. {
            let one = self.one(number);
            if self.bench.is_repeated() {
                say!("grantscope: run {number}{}", self.of_how_many());
            }
            let run_began = Instant::now();
            let Ended { watched, is_stopped } = one.run()?;
            let watched = watched?;
            if is_stopped || matches!(watched, Exit::Signal(_)) {
                return Ok(watched);
            }
            longest = longest.max(run_began.elapsed());
            if let Some(question) = &mut self.question {
                question.head.extend(whole_runs::runs(&[one.out.join(RECORDING)], question.wanted)?);
            }
            if matches!(self.next(number, began.elapsed() + longest)?, Next::Enough) {
                return self.end(number, watched);
            }
        }
        unreachable!("numbers do not end")
    }

    fn one(&self, number: u32) -> One<'a> {
        let bench = self.bench;
        match bench.is_repeated() {
            true => One { bench, out: bench.out.join(number.to_string()), seed: Some(number), until: Until::ItsEnd },
            false if self.question.is_some() => One { bench, out: bench.out.clone(), seed: None, until: Until::ItsEnd },
            false => One { bench, out: bench.out.clone(), seed: None, until: Until::AskedFor },
        }
    }

    fn of_how_many(&self) -> String {
        if self.bench.judged.until_decided { String::new() } else { format!(" of {}", self.bench.runs) }
    }

    /// After so many runs; one more would end at about this time.
    fn next(&mut self, number: u32, would_end: Duration) -> Result<Next> {
        let judged = &self.bench.judged;
        let Some(question) = self.question.as_mut().filter(|_| judged.until_decided) else {
            return Ok(if number >= self.bench.runs { Next::Enough } else { Next::Another });
        };
        let is_last = would_end > judged.max_time || question.is_limited_by_base();
        if !is_last && !is_looked_at(number) {
            return Ok(Next::Another);
        }
        question.looks += 1;
        let comparisons = question.comparisons()?;
        let open = undecided(&comparisons);
        let all: usize = comparisons.iter().map(|comparison| comparison.rows.len()).sum();
        let runs = counted(number.into(), "run");
        let Some(first) = open.first() else {
            say!("grantscope: after {runs}, all {all} are decided");
            return Ok(Next::Enough);
        };
        say!("grantscope: after {runs}, {} of {all} are not decided, such as {first}", open.len());
        if would_end > judged.max_time {
            say!("grantscope: one more would end after more than {} (--max-time)", humantime::format_duration(judged.max_time));
        } else if is_last {
            say!(
                "grantscope: more of these alone decide little: what is not known is of the runs that they are compared with; take more of those"
            );
        }
        Ok(if is_last { Next::Enough } else { Next::Another })
    }

    fn end(&self, number: u32, watched: Exit) -> Result<Exit> {
        let Some(question) = &self.question else {
            if self.bench.is_repeated() {
                say!("grantscope: {} are in folders of {}", counted(number.into(), "run"), self.bench.out.display());
            }
            return Ok(watched);
        };
        let comparisons = question.comparisons()?;
        let decisions = question.judge.decisions(&comparisons);
        let mut out = io::stdout().lock();
        out.write_all((TEXT.write)(&decisions).as_bytes())?;
        out.flush()?;
        Ok(exit(&decisions))
    }
}

/// After one run, two, three, four, six, eight, twelve, sixteen, …: each look costs some of the chance to be wrong.
fn is_looked_at(number: u32) -> bool {
    number.is_power_of_two() || number.is_multiple_of(3) && (number / 3).is_power_of_two()
}

/// With so many times as many runs as the other side, the error is within an eighth of what endless ones would leave (√(1 + ¼)).
const MOST_TIMES_BASE: usize = 4;
/// Of fewer runs, it is how much runs differ that is not known: the others say it too.
const LEAST_BASE: usize = 3;

impl Question {
    /// What is known by now. Where one looks again and again, none of all verdicts that there will ever be is to be wrong, with the chance
    /// that was asked for: the first look has a half of it, the second a sixth, the third a twelfth.
    fn comparisons(&self) -> Result<Vec<Comparison>> {
        let mut judge = self.judge.clone();
        if self.looks > 0 {
            judge.error_rate /= f64::from(self.looks) * f64::from(self.looks + 1);
        }
        match &self.against {
            Against::Runs(base) => Ok(compare_groups(&[], [base.clone(), self.head.clone()], &judge.rules, judge.error_rate)),
            Against::Ways(arm) => {
                let comparisons = compare_ways(*arm, &[], self.head.clone(), &judge.rules, judge.error_rate);
                if comparisons.is_empty() {
                    bail!("the runs do nothing in two ways that could be compared ({}); leave --arms out", arm.about());
                }
                Ok(comparisons)
            }
        }
    }

    fn is_limited_by_base(&self) -> bool {
        match &self.against {
            Against::Runs(base) => self.head.len() >= base.len().max(LEAST_BASE) * MOST_TIMES_BASE,
            Against::Ways(_) => false,
        }
    }
}

/// What is in the folder from an earlier time would be compared as if it were one of the runs.
fn is_new(out: &Path) -> Result<()> {
    let recordings = |folder: &Path| -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.filter(|path| path.join(RECORDING).exists() || path.extension().is_some_and(|name| name == "gsr")).collect()
    };
    match recordings(out).first() {
        Some(old) => bail!(
            "{}: is of an earlier run, and would be taken for one of these; remove it, or give --out another directory",
            old.display()
        ),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_few_looks_at_many_runs() {
        let looks: Vec<u32> = (1..=50).filter(|&number| is_looked_at(number)).collect();
        assert_eq!(looks, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48]);
    }

    #[test]
    fn what_is_there_from_an_earlier_time_is_refused() {
        let out = tempfile::tempdir().unwrap();
        is_new(&out.path().join("none")).unwrap();
        fs::create_dir(out.path().join("7")).unwrap();
        is_new(out.path()).unwrap();
        fs::write(out.path().join("7").join(RECORDING), "").unwrap();
        let error = is_new(out.path()).unwrap_err().to_string();
        assert!(error.contains("/7: is of an earlier run") && error.ends_with("or give --out another directory"), "{error}");
    }
}
