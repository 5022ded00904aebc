//! Operations in, series out: one histogram per operation, buffer kind, page count, outcome and stage.

use std::collections::BTreeMap;

use grantscope_wire::{Buffer, Cause, Op, Stage};
use hdrhistogram::Histogram;
use internment::Intern;

use crate::live::ledger::Ledger;
use crate::model::filter::FilterReport;
use crate::model::{Environment, LossReport, Operation, Outcome, status_name};
use crate::recording::Frame;

/// What the operations of a series have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// What was asked for.
    pub op: Op,
    /// What backs the mapping; `None`: not known.
    pub buffer: Option<Buffer>,
    /// Grant references; `None`: not known.
    pub pages: Option<u32>,
    /// How it ended.
    pub outcome: Outcome,
    /// The operation that asked for this one; `None`: not known, or none.
    pub started_by: Option<Op>,
    /// Why it failed; `None`: not known, or its outcome says it all.
    pub cause: Option<Cause>,
    /// The kernel function that asked; `None`: not known, or a call from user space.
    pub caller: Option<Intern<str>>,
    /// A stage's self time; `None`: the whole operation.
    pub stage: Option<Stage>,
}

impl SeriesKey {
    /// The series of whole operations that this one belongs to.
    pub fn total(operation: &Operation) -> Self {
        Self {
            op: operation.op,
            buffer: operation.buffer,
            pages: operation.pages,
            outcome: operation.outcome,
            started_by: operation.started_by(),
            cause: operation.cause(),
            caller: operation.caller().map(Intern::from),
            stage: None,
        }
    }

    /// `teardown/close`, `map_refs/xen_blkbk_map`: the operation, and who asked for it.
    pub fn name(&self) -> String {
        let unknown = self.op.is_of_kernel_users().then_some("–");
        let asked = self.caller.as_ref().map(AsRef::as_ref).or(self.started_by.map(Op::name)).or(unknown);
        asked.map_or_else(|| self.op.name().to_owned(), |asked| format!("{}/{asked}", self.op.name()))
    }

    /// `total`, or the stage's name.
    pub fn stage_name(&self) -> &'static str {
        self.stage.map_or("total", Stage::name)
    }
}

/// Durations of one kind.
#[derive(Clone, Debug)]
pub struct Series {
    histogram: Histogram<u64>,
    min_ns: u64,
    max_ns: u64,
    sum_ns: u64,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            // Three significant digits; it grows with the values, up to what a u64 holds.
            histogram: Histogram::new(3).expect("3 is a valid number of significant digits"),
            min_ns: u64::MAX,
            max_ns: 0,
            sum_ns: 0,
        }
    }
}

impl Series {
    /// Adds one duration.
    pub fn record(&mut self, ns: u64) {
        // Not `saturating_record`: that never grows the histogram, but puts what is too long into its last bucket.
        self.histogram.record(ns).expect("a histogram that grows takes every u64");
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns = self.sum_ns.saturating_add(ns);
    }

    /// Adds all durations of another series: exact, bucket by bucket.
    pub fn merge(&mut self, other: &Self) {
        // Both grow and have the same precision, so that adding refuses nothing that recording accepted.
        self.histogram.add(&other.histogram).expect("histograms of one precision that grow can be added");
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
    }

    /// How many durations.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The shortest; `None`: nothing recorded.
    pub fn min_ns(&self) -> Option<u64> {
        self.known(self.min_ns)
    }

    /// The longest; `None`: nothing recorded.
    pub fn max_ns(&self) -> Option<u64> {
        self.known(self.max_ns)
    }

    /// All together.
    pub fn sum_ns(&self) -> u64 {
        self.sum_ns
    }

    /// The mean; `None`: nothing recorded.
    pub fn mean_ns(&self) -> Option<f64> {
        self.known(self.sum_ns as f64 / self.count() as f64)
    }

    /// The value below which this share of the durations lies (`quantile` in [0, 1]), to 3 significant digits; `None`: nothing recorded.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        self.known(self.histogram.value_at_quantile(quantile).clamp(self.min_ns, self.max_ns.max(self.min_ns)))
    }

    /// The histogram beneath.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.histogram
    }

    fn known<T>(&self, value: T) -> Option<T> {
        (self.count() > 0).then_some(value)
    }
}

/// Grant references by the status that Xen refused them with.
pub type Statuses = BTreeMap<i16, u64>;

/// All that a recording told so far.
#[derive(Clone, Debug, Default)]
pub struct Aggregate {
    series: BTreeMap<SeriesKey, Series>,
    statuses: BTreeMap<SeriesKey, Statuses>,
    environment: Option<Environment>,
    loss: LossReport,
    filtered: Option<FilterReport>,
    ledger: Ledger,
    operations: u64,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
    ended: bool,
}

impl Aggregate {
    /// Takes in one frame.
    pub fn add(&mut self, frame: &Frame) {
        match frame {
            Frame::Environment(environment) => self.environment = Some(environment.clone()),
            Frame::Operations(operations) => operations.iter().for_each(|operation| self.add_operation(operation)),
            Frame::Loss(report) => self.loss = report.clone(),
            Frame::Filtered(report) => self.filtered = Some(report.clone()),
            Frame::Tick { at_ns } => self.see(*at_ns),
            Frame::End { at_ns } => {
                self.see(*at_ns);
                self.ended = true;
            }
            Frame::Maps(report) => {
                self.see(report.at_ns);
                self.ledger.add(report);
            }
        }
    }

    fn add_operation(&mut self, operation: &Operation) {
        self.operations += 1;
        self.see(operation.start_ns);
        self.see(operation.start_ns.saturating_add(operation.duration_ns));
        let total = SeriesKey::total(operation);
        self.series.entry(total).or_default().record(operation.duration_ns);
        for (status, references) in operation.statuses() {
            *self.statuses.entry(total).or_default().entry(status).or_default() += u64::from(references);
        }
        for stage in &operation.stages {
            let key = SeriesKey { stage: Some(stage.stage), ..total };
            self.series.entry(key).or_default().record(stage.self_ns);
        }
    }

    fn see(&mut self, at_ns: u64) {
        self.first_ns = Some(self.first_ns.map_or(at_ns, |first| first.min(at_ns)));
        self.last_ns = Some(self.last_ns.map_or(at_ns, |last| last.max(at_ns)));
    }

    /// All series, in a fixed order: the total of an operation stands before its stages.
    pub fn series(&self) -> impl Iterator<Item = (&SeriesKey, &Series)> {
        self.series.iter()
    }

    /// One series.
    pub fn get(&self, key: &SeriesKey) -> Option<&Series> {
        self.series.get(key)
    }

    /// The references that Xen refused in all operations of a series, by status; empty where it refused none.
    pub fn statuses(&self, key: &SeriesKey) -> &Statuses {
        static NONE: Statuses = Statuses::new();
        self.statuses.get(&SeriesKey { stage: None, ..*key }).unwrap_or(&NONE)
    }

    /// Where this was recorded; `None`: not told yet.
    pub fn environment(&self) -> Option<&Environment> {
        self.environment.as_ref()
    }

    /// What was lost so far.
    pub fn loss(&self) -> &LossReport {
        &self.loss
    }

    /// What was left out on purpose so far; `None`: nothing was to be.
    pub fn filtered(&self) -> Option<&FilterReport> {
        self.filtered.as_ref()
    }

    /// What is alive.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The same recording without the operations so far: where it was recorded, what was lost and what is alive stay known,
    /// and its time goes on from now.
    pub fn without_operations(&self) -> Self {
        Self {
            environment: self.environment.clone(),
            loss: self.loss.clone(),
            filtered: self.filtered.clone(),
            ledger: self.ledger.clone(),
            first_ns: self.last_ns,
            last_ns: self.last_ns,
            ended: self.ended,
            ..Self::default()
        }
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Operations of this kind that were lost, and could belong to any of its series.
    pub fn lost(&self, op: Op) -> u64 {
        let counters = self.loss.counters.iter();
        counters
            .filter(|counter| counter.hook == op.reported_by() && counter.kind.loses_operations())
            .map(|counter| counter.count)
            .sum()
    }

    /// Monotonic time of the first and the last thing that was told.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        self.first_ns.zip(self.last_ns)
    }

    /// Whether the recording ended on purpose.
    pub fn ended(&self) -> bool {
        self.ended
    }
}

/// Statuses as a list: the name, and how many references.
pub fn list_of(statuses: &Statuses, between: &str, separator: &str) -> String {
    let each = statuses.iter().rev().map(|(&status, references)| format!("{}{between}{references}", status_name(status)));
    each.collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod merge_tests {
    use super::*;

    fn series(durations: &[u64]) -> Series {
        let mut series = Series::default();
        durations.iter().for_each(|&ns| series.record(ns));
        series
    }

    #[test]
    fn merging_gives_what_recording_into_one_series_gives() {
        let (few, many) = ([7, 90_000], [u64::MAX / 4, 1_234_567, 3]);
        let mut merged = series(&few);
        merged.merge(&series(&many));
        let whole = series(&[&few[..], &many].concat());
        assert_eq!(merged.histogram(), whole.histogram());
        assert_eq!((merged.min_ns, merged.max_ns, merged.sum_ns), (whole.min_ns, whole.max_ns, whole.sum_ns));
    }

    #[test]
    fn quantiles_of_long_durations_are_true_to_three_digits() {
        let an_hour = 3_600_000_000_000;
        let durations: Vec<u64> = (1..=1_000).map(|i| i * 1_000).chain([an_hour]).collect();
        let series = series(&durations);
        let quantiles = [0.5, 0.9].map(|quantile| series.quantile_ns(quantile).unwrap());
        assert!(quantiles[0].abs_diff(501_000) <= 501 && quantiles[1].abs_diff(901_000) <= 901, "{quantiles:?}");
        assert_eq!(series.quantile_ns(1.0), Some(an_hour));
    }

    #[test]
    fn merging_nothing_into_nothing_stays_unknown() {
        let mut merged = Series::default();
        merged.merge(&Series::default());
        assert_eq!((merged.count(), merged.min_ns(), merged.quantile_ns(0.5)), (0, None, None));
    }
}
