//! Frames in, series out: everything that a recording says, added up.

use std::collections::BTreeMap;

use grantscope_wire::Op;

use super::{Series, SeriesKey};
use crate::live::Ledger;
use crate::model::{Environment, FilterReport, LossReport, Operation, Statuses};
use crate::recording::Frame;

/// All that a recording has said so far.
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
            Frame::Calibration(_) => {}
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

    /// Where this was recorded; `None`: not reported yet.
    pub fn environment(&self) -> Option<&Environment> {
        self.environment.as_ref()
    }

    /// The losses so far.
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

    /// Monotonic time of the first and the last record.
    pub fn span_ns(&self) -> Option<(u64, u64)> {
        self.first_ns.zip(self.last_ns)
    }

    /// Whether the recording ended on purpose.
    pub fn ended(&self) -> bool {
        self.ended
    }
}
