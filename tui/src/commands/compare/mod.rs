//! `grantscope compare`: did a change make it slower, and does one kind of buffer cost more than another.

use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::{slice, thread};

use anyhow::{Error, Result, bail};
use clap::{Parser, ValueHint};
use grantscope_analysis::decide::{Comparison, compare_groups, compare_ways};
use grantscope_analysis::model::Phase;
use grantscope_analysis::report::decide::{FORMATS, Format, TEXT};
use grantscope_analysis::runs::{Arm, By, Run};
use grantscope_analysis::series::{Phases, Wanted};

use crate::commands::verb::{Example, Verb};
use crate::exit::{Code, Exit, Exits, WrongUsage};
use crate::options::judged::{Judge, JudgedArgs, exit};
use crate::options::one_of::one_of;
use crate::options::times::TimesArgs;
use crate::source::whole_runs;

/// Say whether a change made something slower, how sure that is, and which stage explains it.
///
/// Compares the runs BASE and HEAD series by series: each a recording, a results.csv of one or several runs (named *.csv),
/// or a folder of recordings. Several runs on each side:
/// `compare BASE… --with HEAD…`; then what differs from run to run is part of every interval. Or, with --arms, what was
/// recorded in one run in different ways: write-combining buffers with coherent ones and with pages.
///
/// Each judged quantile gets one verdict. *Regressed* and *improved*: it changed by more than its limit, and the whole
/// interval of what the change can be lies beyond the limit. *Equivalent*: the whole interval lies within. *Inconclusive*:
/// neither; how many operations more would decide it is said. Intervals ask nothing of the distribution. All verdicts
/// together are wrong with a chance of at most --error-rate.
///
/// Without --max and --check, the median of everything is judged, by 5 % and 0.2 µs, whichever is more.
///
/// A series that one side lacks, failures that only one side has, lost operations, another kernel, Xen, clock or page size:
/// each is a line, and ends with exit code 4 unless it is allowed by name.
///
/// With --by board, runs of different boards are not compared: each board's are a comparison of their own, and one that
/// only one side has is a line as well. What tells runs apart is a tag (`grantscope merge --tag board=rcar`), a circumstance
/// (kernel, xen, arch, …), or `run`, their name.
#[derive(Debug, Parser)]
#[command(name = "compare")]
pub struct Compare {
    /// BASE and HEAD; with --with: the runs of BASE; with --arms: one or several runs
    #[arg(value_name = "RUN", required = true, value_hint = ValueHint::AnyPath)]
    pub runs: Vec<PathBuf>,

    /// The runs of HEAD, where a side has several
    #[arg(long, value_name = "RUN", num_args = 1.., value_hint = ValueHint::AnyPath, conflicts_with = "arms")]
    pub with: Vec<PathBuf>,

    /// Compares what was recorded in different ways in the same runs
    #[arg(long, value_parser = one_of(Arm::ALL, Arm::name, Arm::about))]
    pub arms: Option<Arm>,

    /// Keeps runs apart that differ in this: a tag (`board`), a circumstance (`kernel`), or their name (`run`)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub by: Vec<String>,

    /// What is judged.
    #[command(flatten)]
    pub judged: JudgedArgs,

    /// Which times.
    #[command(flatten)]
    pub times: TimesArgs,

    /// Format of the output
    #[arg(long, value_parser = one_of(FORMATS, |format| format.name, |format| format.about), default_value = TEXT.name)]
    pub format: Format,
}

impl Verb for Compare {
    const EXAMPLES: &'static [Example] = &[
        Example("grantscope compare base.gsr head.gsr", ""),
        Example("grantscope compare base/ head/ --max 'export.* p50=2% p99=5%'", "folders of runs"),
        Example("grantscope compare a.gsr b.gsr --with c.gsr d.gsr", "two runs each"),
        Example("grantscope compare run.gsr --arms buffer", "WC, coherent, pages"),
        Example("grantscope compare main.csv branch.csv --by board", "merged with --tag board=…"),
        Example("grantscope compare base/ head/ --check limits.toml --format markdown", "in a pipeline"),
    ];
    const EXITS: Exits = &[
        (Code::Done, Some("nothing is slower by more than its limit")),
        (Code::Error, None),
        (Code::Usage, None),
        (Code::Differs, Some("something is slower by more than its limit")),
        (Code::Partial, Some("not decided, or not comparable")),
    ];

    fn run(&self) -> Result<Exit> {
        let judge = self.judged.judge()?;
        let comparisons = self.comparisons(&judge)?;
        let decisions = judge.decisions(&comparisons);
        let mut out = io::stdout().lock();
        out.write_all((self.format.write)(&decisions).as_bytes())?;
        out.flush()?;
        Ok(exit(&decisions))
    }
}

impl Compare {
    fn wanted(&self) -> Wanted {
        Wanted { times: self.times.into(), phases: Phases::Only(Phase::Measured), ..Wanted::default() }
    }

    fn comparisons(&self, judge: &Judge) -> Result<Vec<Comparison>> {
        let [base, head] = match (self.arms, self.with.is_empty(), &self.runs[..]) {
            (Some(arm), ..) => return self.of_arms(arm, judge),
            (None, false, base) => [base, &self.with],
            (None, true, [base, head]) => [slice::from_ref(base), slice::from_ref(head)],
            (None, true, _) => {
                let usage = "give BASE and HEAD; several runs of each are BASE… --with HEAD…, and one run needs --arms";
                return Err(Error::msg(WrongUsage(usage.to_owned())));
            }
        };
        // Half of the time each, where there are two processors.
        let (base, head) = thread::scope(|scope| {
            let base = scope.spawn(|| whole_runs::runs(base, self.wanted()));
            let head = whole_runs::runs(head, self.wanted());
            (base.join().unwrap_or_else(|panic| resume_unwind(panic)), head)
        });
        let (base, head) = (base?, head?);
        let by = self.by(base.iter().chain(&head))?;
        Ok(compare_groups(&by, [base, head], &judge.rules, judge.error_rate))
    }

    fn of_arms(&self, arm: Arm, judge: &Judge) -> Result<Vec<Comparison>> {
        let runs = whole_runs::runs(&self.runs, self.wanted())?;
        let by = self.by(&runs)?;
        let ways = arm.values(&runs).len();
        let comparisons = compare_ways(arm, &by, runs, &judge.rules, judge.error_rate);
        if comparisons.is_empty() {
            let apart = if by.is_empty() { "" } else { " in one group" };
            bail!("the runs have {ways} {}: there are no two{apart} to be compared", arm.about());
        }
        Ok(comparisons)
    }

    /// What runs are to be told apart by, each once.
    fn by<'a>(&self, runs: impl IntoIterator<Item = &'a Run>) -> Result<Vec<By>> {
        let all = By::all(runs);
        let mut found = Vec::new();
        for name in &self.by {
            let by = By::find(name, &all).ok_or_else(|| {
                let names: Vec<_> = all.iter().map(By::word).collect();
                Error::msg(WrongUsage(format!("--by {name}: no run has it; they have {}", names.join(", "))))
            })?;
            if !found.contains(&by) {
                found.push(by);
            }
        }
        Ok(found)
    }
}
