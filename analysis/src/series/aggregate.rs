//! Frames in, series out: everything that a recording says, added up.

use std::collections::BTreeMap;

use grantscope_wire::Op;

use super::callers::Callers;
use super::kept::Kept;
use super::{Extent, LeftOut, RecorderUse, Series, SeriesKey, Subtracted, Times, Unkept, Wanted};
use crate::live::Ledger;
use crate::marks::Marks;
use crate::model::{DmaSums, Environment, FilterReport, LossReport, MOST_STATUSES, OTHERS, Operation, Statuses};
use crate::own::{Costs, OwnTime, Paths};
use crate::recording::Frame;

/// All that a recording has said so far. Its times are without what was the probes' own, where that is known, unless [raw](Self::raw) times
/// are wanted.
#[derive(Clone, Debug, Default)]
pub struct Aggregate {
    series: Kept,
    callers: Callers,
    statuses: BTreeMap<SeriesKey, Statuses>,
    dma: BTreeMap<SeriesKey, DmaSums>,
    environment: Option<Environment>,
    loss: LossReport,
    filtered: Option<FilterReport>,
    recorder: Option<RecorderUse>,
    marks: Marks,
    ledger: Ledger,
    wanted: Wanted,
    /// `None`: nobody has said a phase.
    left_out: Option<LeftOut>,
    own: Paths,
    subtracted: Subtracted,
    operations: u64,
    first_ns: Option<u64>,
    last_ns: Option<u64>,
    ended: bool,
}

impl Aggregate {
    /// Nothing said yet; of what is wanted.
    pub fn of(wanted: impl Into<Wanted>) -> Self {
        let wanted = wanted.into();
        Self { wanted, series: Kept::at_most(wanted.most_series), ..Self::default() }
    }

    /// Of times as they were measured, the probes' own time included.
    pub fn raw() -> Self {
        Self::of(Times::Raw)
    }

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
            Frame::Calibration(calibration) => self.own.add(calibration),
            Frame::Recorder(report) => self.recorder.get_or_insert(RecorderUse::begin(*report)).add(*report),
            // Its time is one that is known already: a viewer that came late is not to take it for the beginning.
            Frame::Mark(mark) => self.marks.add(mark.clone()),
        }
    }

    fn add_operation(&mut self, operation: &Operation) {
        self.see(operation.start_ns);
        self.see(operation.start_ns.saturating_add(operation.duration_ns));
        if let Some(phase) = operation.phase {
            let left_out = self.left_out.get_or_insert_default();
            if !self.wanted.phases.include(Some(phase)) {
                left_out.count(operation, phase);
                return;
            }
        }
        self.operations += 1;
        let own = match self.wanted.times {
            Times::Corrected => self.own.own(operation),
            Times::Raw => None,
        };
        let all = own.map(|own| own.of_all(&operation.stages));
        if let Some(all) = all {
            self.subtracted.record(all);
        }
        let caller = operation.caller().map(|name| self.callers.keep(name));
        // An operation of another caller than is known is of no unknown one.
        let Some(caller) = caller.map_or(Some(None), |kept| kept.map(Some)) else { return self.series.leave_out() };
        let Some(mut all_series) = self.series.of(SeriesKey::total(operation, caller)) else { return };
        for (status, references) in operation.statuses() {
            add_status(self.statuses.entry(all_series.total).or_default(), status, references);
        }
        if let Some(dma) = operation.dma() {
            self.dma.entry(all_series.total).and_modify(|sums| *sums = sums.and(dma)).or_insert(dma);
        }
        let mut record = |stage, measured_ns, own: Option<OwnTime>| {
            let series = all_series.stage(stage);
            match own {
                Some(own) => series.record_corrected(measured_ns, own),
                None => series.record(measured_ns),
            }
        };
        record(None, operation.duration_ns, all);
        for span in &operation.stages {
            record(Some(span.stage), span.self_ns, own.map(|own| own.of(span)));
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

    /// The key of the series that an operation is in; `None`: it is in none, because there are too many.
    pub fn key_of(&self, operation: &Operation) -> Option<SeriesKey> {
        let caller = match operation.caller() {
            Some(name) => Some(self.callers.get(name)?),
            None => None,
        };
        self.series.key_of(SeriesKey::total(operation, caller))
    }

    /// What the bound on series has done.
    pub fn unkept(&self) -> Unkept {
        self.series.unkept()
    }

    /// The references that Xen refused in all operations of a series, by status; empty where it refused none.
    pub fn statuses(&self, key: &SeriesKey) -> &Statuses {
        static NONE: Statuses = Statuses::new();
        self.statuses.get(&SeriesKey { stage: None, ..*key }).unwrap_or(&NONE)
    }

    /// What DMA was done in all operations of a series; `None`: none, or not known.
    pub fn dma(&self, key: &SeriesKey) -> Option<DmaSums> {
        self.dma.get(&SeriesKey { stage: None, ..*key }).copied()
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

    /// What the recorder itself has used; `None`: it does not say.
    pub fn recorder(&self) -> Option<&RecorderUse> {
        self.recorder.as_ref()
    }

    /// Names that somebody gave to times.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Which times are wanted.
    pub fn times(&self) -> Times {
        self.wanted.times
    }

    /// Which times, and of which operations.
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Operations that are not wanted because of their phase; `None`: no operation has one.
    pub fn left_out(&self) -> Option<&LeftOut> {
        self.left_out.as_ref()
    }

    /// Whether anything is known of what the probes cost: else all times are raw.
    pub fn is_calibrated(&self) -> bool {
        !self.own.costs().is_empty()
    }

    /// The probes' own time that was subtracted from all operations.
    pub fn subtracted(&self) -> &Subtracted {
        &self.subtracted
    }

    /// From how many operations it was.
    pub fn extent(&self) -> Extent {
        self.subtracted.extent(self.operations)
    }

    /// What running the probes' programs costs, as far as the recording says.
    pub fn costs(&self) -> &Costs {
        self.own.costs()
    }

    /// What is alive.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The same recording without the operations so far: where it was recorded, what was lost, what is alive and what the probes cost
    /// stay known, and its time goes on from now.
    pub fn without_operations(&self) -> Self {
        Self {
            environment: self.environment.clone(),
            loss: self.loss.clone(),
            filtered: self.filtered.clone(),
            recorder: self.recorder.map(RecorderUse::from_now_on),
            marks: self.marks.clone(),
            ledger: self.ledger.clone(),
            wanted: self.wanted,
            series: Kept::at_most(self.wanted.most_series),
            own: self.own.clone(),
            first_ns: self.last_ns,
            last_ns: self.last_ns,
            ended: self.ended,
            ..Self::default()
        }
    }

    /// Operations so far, without those that are left out.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Operations of this kind that were lost, and could belong to any of its series; `u64::MAX`: that, or more.
    pub fn lost(&self, op: Op) -> u64 {
        let counters = self.loss.counters.iter();
        counters
            .filter(|counter| counter.hook == op.reported_by() && counter.loses_operations())
            .map(|counter| counter.count)
            .fold(0, u64::saturating_add)
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

/// Adds references that Xen refused with a status. Xen has not as many as are told apart.
fn add_status(statuses: &mut Statuses, status: i16, references: u32) {
    let is_told_apart = statuses.len() < MOST_STATUSES || statuses.contains_key(&status);
    let sum = statuses.entry(if is_told_apart { status } else { OTHERS }).or_default();
    *sum = sum.saturating_add(references.into());
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Edge, HookId, Stage};
    use smallvec::smallvec;

    use super::*;
    use crate::fixtures::{crossing, export, span};
    use crate::model::{Calibration, Cost};

    /// An export of 10 ns of the probes' own, up to 3 ns more or less.
    fn calibration() -> Frame {
        let cost = Cost { before_ps: 4_000, after_ps: 6_000, error_ps: 3_000 };
        let crossings = [Edge::Entry, Edge::Return].map(|edge| crossing(HookId::GntdevIoctl, edge, cost));
        Frame::Calibration(Calibration { at_ns: 1, crossings: crossings.to_vec() })
    }

    fn exports(durations: &[u64]) -> Frame {
        Frame::Operations(durations.iter().map(|&ns| export(Buffer::Wc, ns)).collect())
    }

    fn read(mut aggregate: Aggregate, frames: &[Frame]) -> Aggregate {
        frames.iter().for_each(|frame| aggregate.add(frame));
        aggregate
    }

    /// All durations, and how they are called.
    fn sums(aggregate: &Aggregate) -> Vec<(u128, &'static str)> {
        aggregate.series().map(|(_, series)| (series.sum_ns(), series.extent().map_or("", Extent::name))).collect()
    }

    #[test]
    fn times_are_without_the_probes_own_unless_raw_ones_are_wanted() {
        let frames = [calibration(), exports(&[100, 200])];
        let corrected = read(Aggregate::default(), &frames);
        assert_eq!(sums(&corrected), [(280, "corrected"); 2]);
        assert_eq!(*corrected.subtracted(), Subtracted { operations: 2, own_ns: 20, error_ns: 6 });
        let raw = read(Aggregate::raw(), &frames);
        assert_eq!((sums(&raw), raw.extent(), raw.is_calibrated()), (vec![(300, "raw"); 2], Extent::Nothing, true));
    }

    #[test]
    fn what_came_before_its_calibration_stays_raw() {
        let aggregate = read(Aggregate::default(), &[exports(&[100]), calibration(), exports(&[100])]);
        assert_eq!((sums(&aggregate), aggregate.extent()), (vec![(190, "partly"); 2], Extent::Partly));
        let aggregate = read(Aggregate::default(), &[exports(&[100])]);
        assert_eq!((sums(&aggregate), aggregate.is_calibrated()), (vec![(100, "raw"); 2], false));
    }

    #[test]
    fn where_the_probes_seem_to_cost_more_than_a_stage_took_the_stages_still_add_up() {
        let aggregate = read(Aggregate::default(), &[calibration(), exports(&[7])]);
        assert_eq!(sums(&aggregate), [(0, "corrected"); 2]);
        assert_eq!(aggregate.subtracted().own_ns, 7);
        let stages = smallvec![span(Stage::Remainder, 5), span(Stage::ArgumentCopy, 95)];
        let operation = Operation { stages, ..export(Buffer::Wc, 100) };
        let aggregate = read(Aggregate::default(), &[calibration(), Frame::Operations(vec![operation])]);
        let sums: Vec<_> = aggregate.series().map(|(key, series)| (key.stage_name(), series.sum_ns())).collect();
        assert_eq!(sums, [("total", 90), ("remainder", 5), ("argument_copy", 85)]);
    }

    #[test]
    fn a_reset_does_not_forget_what_the_probes_cost() {
        for (times, left) in [(Times::Corrected, 90), (Times::Raw, 100)] {
            let reset = read(Aggregate::of(times), &[calibration(), exports(&[300])]).without_operations();
            assert_eq!(*reset.subtracted(), Subtracted::default());
            assert_eq!(sums(&read(reset, &[exports(&[100])]))[0].0, left);
        }
    }
}
