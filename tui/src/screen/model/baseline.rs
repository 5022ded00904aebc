//! Earlier runs, and what is said of the data that is shown when it is compared with them: by the same reasoning as `grantscope compare`.

use std::sync::Arc;
use std::time::Duration;

use grantscope_analysis::decide::{Comparison, Remark, Rule, Side, Verdict, compare};
use grantscope_analysis::report::decide::{Decision, TEXT};
use grantscope_analysis::runs::Run;
use grantscope_analysis::series::Times;

use crate::screen::model::data::Data;

/// The chance that any of all verdicts is wrong.
const ERROR_RATE: f64 = 0.01;
/// Not at every picture: of 2,000 series it takes a tenth of a second.
const BETWEEN: Duration = Duration::from_secs(2);

/// What the data is compared with.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// What it is called.
    pub name: String,
    /// Its runs.
    pub runs: Vec<Run>,
    /// Which times these have.
    pub times: Times,
    /// What is judged.
    pub rules: Vec<Rule>,
    /// Remarks that are of no interest, by name.
    pub allowed: Vec<String>,
}

/// The comparison as of some seconds ago.
#[derive(Clone, Debug)]
pub struct Against {
    /// With what.
    pub baseline: Arc<Baseline>,
    /// What came of it; `None`: nothing was recorded so far.
    pub comparison: Option<Comparison>,
    /// Operations that were compared.
    operations: Option<u64>,
    at: Duration,
    /// Nothing will come that could change it.
    pub is_of_all: bool,
}

impl Against {
    /// Nothing is compared yet.
    pub fn new(baseline: Baseline) -> Self {
        Self { baseline: Arc::new(baseline), comparison: None, operations: None, at: Duration::ZERO, is_of_all: false }
    }

    /// Compares the data, if there is more of it and the last time is long enough ago; that of a recording that is over, once.
    pub fn refresh(&mut self, data: &Data, now: Duration, is_over: bool) {
        let aggregate = data.in_times(self.baseline.times);
        let operations = aggregate.operations();
        let is_new = self.operations != Some(operations) || (is_over && !self.is_of_all);
        let is_anew = self.comparison.is_none() || self.operations.is_none_or(|before| operations < before) || is_over;
        if !is_new || (!is_anew && now.saturating_sub(self.at) < BETWEEN) {
            return;
        }
        let Baseline { name, runs, rules, .. } = self.baseline.as_ref();
        let run = Run::from(aggregate);
        let names = [name.clone(), run.name.clone()];
        let mut comparison = compare(names, runs, &[run], rules, ERROR_RATE);
        if !is_over {
            // It may still happen.
            comparison.remarks.retain(|remark| !matches!(remark, Remark::Missing { side: Side::Head, .. } | Remark::Nothing));
        }
        comparison.remarks.retain(|remark| !remark.is_among(&self.baseline.allowed));
        self.comparison = (operations > 0).then_some(comparison);
        (self.operations, self.at, self.is_of_all) = (Some(operations), now, is_over);
    }

    /// How many rows are slower by more than their limit.
    pub fn regressed(&self) -> usize {
        self.count(Verdict::Regressed)
    }

    /// Of how many rows it is not known.
    pub fn inconclusive(&self) -> usize {
        self.count(Verdict::Inconclusive)
    }

    fn count(&self, verdict: Verdict) -> usize {
        let rows = self.comparison.iter().flat_map(|comparison| &comparison.rows);
        rows.filter(|row| row.verdict == verdict).count()
    }

    /// All of it as text, as `grantscope compare` writes it.
    pub fn text(&self) -> String {
        let Some(comparison) = &self.comparison else { return "nothing was recorded that can be compared\n".to_owned() };
        let allowed = &self.baseline.allowed;
        (TEXT.write)(&[Decision { comparison, allowed, outcome: comparison.outcome(allowed, false) }])
    }
}
