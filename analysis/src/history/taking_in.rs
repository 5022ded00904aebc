//! Frames in: each operation to its slice, and to the exemplars and failures.

use std::collections::BTreeMap;
use std::sync::Arc;

use grantscope_wire::{Detail, HookId, LossKind};

use super::exemplars::{Exemplar, Exemplars};
use super::failures::{Failure, Failures};
use super::keys::{Keys, PLACES};
use super::slice::{STEP_NS, step_of};
use super::slices::{Bounds, Slices};
use super::{Which, Window};
use crate::marks::Marks;
use crate::model::{LossReport, Mark, Operation};
use crate::own::Paths;
use crate::recording::Frame;
use crate::series::{Aggregate, SeriesKey, Times};

/// A record is never that late: the clock has jumped, and what comes then is the present.
const JUMP_NS: u64 = 3_600_000_000_000;

/// The past of a recording. Its times are those that the aggregate beside it has.
///
/// Operations count in the slice in which they end. Those of phases that are not wanted are counted among [`Events`](super::Events) alone.
#[derive(Clone, Debug)]
pub struct History {
    pub(super) slices: Slices,
    pub(super) keys: Keys,
    exemplars: Exemplars,
    failures: Failures,
    marks: Marks,
    own: Paths,
    /// What was reported as lost so far.
    lost: BTreeMap<(HookId, LossKind), u64>,
    detail: Option<Detail>,
    now_ns: u64,
}

impl Default for History {
    fn default() -> Self {
        Self::within(Bounds::default())
    }
}

impl History {
    pub(super) fn within(bounds: Bounds) -> Self {
        Self {
            slices: Slices::within(bounds),
            keys: Keys::default(),
            exemplars: Exemplars::default(),
            failures: Failures::default(),
            marks: Marks::default(),
            own: Paths::default(),
            lost: BTreeMap::new(),
            detail: None,
            now_ns: 0,
        }
    }

    /// Takes in a frame, which the aggregate has taken in already.
    pub fn add(&mut self, frame: &Frame, aggregate: &Aggregate) {
        match frame {
            Frame::Environment(environment) => self.detail = environment.detail,
            Frame::Operations(operations) => operations.iter().for_each(|operation| self.add_operation(operation, aggregate)),
            Frame::Loss(report) => self.add_loss(report),
            Frame::Calibration(calibration) => self.own.add(calibration),
            Frame::Tick { at_ns } | Frame::End { at_ns } => self.see(*at_ns),
            Frame::Maps(report) => self.see(report.at_ns),
            Frame::Mark(mark) => self.add_mark(mark),
            Frame::Filtered(_) | Frame::Recorder(_) => {}
        }
    }

    fn add_operation(&mut self, operation: &Operation, aggregate: &Aggregate) {
        let end_ns = operation.start_ns.saturating_add(operation.duration_ns);
        self.see(end_ns);
        let wanted = aggregate.wanted();
        let is_wanted = wanted.phases.include(operation.phase);
        let is_failure = operation.is_failure();
        let key = aggregate.key_of(operation).filter(|_| is_wanted);
        if is_failure {
            self.failures.add(operation, key);
        }
        let own = self.own.own(operation).filter(|_| wanted.times == Times::Corrected);
        let ns = operation.duration_ns.saturating_sub(own.map_or(0, |own| own.of_all(&operation.stages).ns));
        let step = step_of(end_ns);
        let place = is_wanted.then(|| self.keys.place(key, is_failure));
        let keys = &self.keys;
        self.slices.change(
            step,
            step_of(self.now_ns),
            |place| keys.is_failure(place),
            |slice| {
                slice.events.count(operation, is_failure);
                if let Some(place) = place {
                    slice.record(place, keys.is_failure(place), ns, step);
                }
            },
        );
        if let Some(key) = key {
            self.exemplars.add(key, operation, ns, self.now_ns, self.detail);
        }
    }

    fn add_loss(&mut self, report: &LossReport) {
        self.see(report.at_ns);
        let mut more = [0_u64; LossKind::ALL.len()];
        for counter in &report.counters {
            let before = self.lost.entry((counter.hook, counter.kind)).or_default();
            let place = LossKind::ALL.iter().position(|kind| *kind == counter.kind);
            if let Some(sum) = place.and_then(|place| more.get_mut(place)) {
                *sum = sum.saturating_add(counter.count.saturating_sub(*before));
            }
            *before = counter.count.max(*before);
        }
        if more.iter().any(|&count| count > 0) {
            let keys = &self.keys;
            self.slices.change(
                step_of(report.at_ns),
                step_of(self.now_ns),
                |place| keys.is_failure(place),
                |slice| {
                    let sums = slice.events.lost.iter_mut().zip(more);
                    sums.for_each(|(sum, more)| *sum = sum.saturating_add(more));
                },
            );
        }
    }

    /// A mark has a place in the past, also where nothing else happened; but it does not make that begin earlier: a viewer that comes late
    /// gets old marks too.
    fn add_mark(&mut self, mark: &Mark) {
        self.marks.add(mark.clone());
        let step = step_of(mark.at_ns());
        if self.slices.all().first().is_none_or(|first| first.first <= step) {
            self.now_ns = self.now_ns.max(mark.at_ns());
            let keys = &self.keys;
            self.slices.change(step, step_of(self.now_ns), |place| keys.is_failure(place), |_| {});
        }
    }

    fn see(&mut self, at_ns: u64) {
        if at_ns > self.now_ns || self.now_ns - at_ns > JUMP_NS {
            self.now_ns = at_ns;
        }
    }

    /// The recording's present; 0 before anything came.
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// The time from the first slice to the end of the last; `None`: nothing happened.
    pub fn window(&self) -> Option<Window> {
        let (first, last) = (self.slices.all().first()?, self.slices.all().last()?);
        Some(Window::of_steps(first.first, last.end))
    }

    /// The same to the recording's present, where that is later: nothing may have happened since.
    pub fn window_to_now(&self) -> Option<Window> {
        let window = self.window()?;
        let now = Window::of_steps(0, step_of(self.now_ns).saturating_add(1));
        Some(Window { to_ns: window.to_ns.max(now.to_ns), ..window })
    }

    /// The slowest operations of these series since the history began, the slowest first: at most [`MOST_EXEMPLARS`](super::MOST_EXEMPLARS).
    pub fn slowest(&self, which: Which<'_>) -> Vec<(SeriesKey, Arc<Exemplar>)> {
        self.exemplars.slowest(|key| which.means(key))
    }

    /// The same of the last 30 to 60 s: of this half minute and the one before.
    pub fn recent(&self, which: Which<'_>) -> Vec<(SeriesKey, Arc<Exemplar>)> {
        self.exemplars.recent(|key| which.means(key), self.now_ns)
    }

    /// The last operations that failed, the oldest first: at most [`MOST_FAILURES`](super::MOST_FAILURES), of all phases.
    pub fn failures(&self) -> impl DoubleEndedIterator<Item = &Failure> + ExactSizeIterator {
        self.failures.iter()
    }

    /// Names that somebody gave to times.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// A new one that goes on with this recording: no operations, but what the probes cost, what was lost before and marks stay known.
    pub fn without_operations(&self) -> Self {
        let (marks, own, lost) = (self.marks.clone(), self.own.clone(), self.lost.clone());
        Self { marks, own, lost, detail: self.detail, now_ns: self.now_ns, ..Self::default() }
    }

    /// The memory that it takes, without the paths of which the probes' own time is known: an [`Aggregate`] has the same.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.slices.bytes()
            + self.keys.bytes()
            + self.exemplars.bytes()
            + self.failures.bytes()
            + self.marks.bytes()
    }

    /// As much as that can be, whatever is read.
    pub fn most_bytes(&self) -> usize {
        let of_slices = self.slices.most_bytes(PLACES);
        size_of::<Self>()
            + of_slices
            + Keys::most_bytes()
            + Exemplars::most_bytes()
            + Failures::most_bytes()
            + Marks::most_bytes()
    }

    /// How many slices there are.
    pub fn slices(&self) -> usize {
        self.slices.all().len()
    }

    /// How long the slices at a time are: nothing is told apart more finely there; `None`: nothing happened.
    pub fn resolution_ns(&self, at_ns: u64) -> Option<u64> {
        let step = step_of(at_ns);
        let slice = self.slices.in_steps(step, step.saturating_add(1)).first()?;
        Some((slice.end - slice.first).saturating_mul(STEP_NS))
    }
}
