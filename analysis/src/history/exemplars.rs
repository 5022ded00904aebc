//! Exemplars: of each series the slowest operations themselves, with the time line of their stages.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use grantscope_wire::{Cause, Detail};

use crate::model::{Operation, Outcome};
use crate::series::SeriesKey;
use crate::stages::{Segment, timeline};

/// As many of a series are kept, of all time and again of each of the last two half minutes.
pub const MOST_EXEMPLARS: usize = 8;
/// Series that have some; beyond, the one of which none came for longest has no more.
const MOST_SERIES: usize = 256;
/// Times in stages of one: of an operation with more, each stage is there once.
const MOST_SEGMENTS: usize = 32;
/// A longer name is cut. Linux's own have 16 (`TASK_COMM_LEN` in include/linux/sched.h, v6.12).
pub const MOST_NAME_BYTES: usize = 64;
/// Recent is what came in this half minute or in the one before.
const RECENT_NS: u64 = 30_000_000_000;

/// An operation to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exemplar {
    /// When it began.
    pub start_ns: u64,
    /// How long it took: without the probes' own time where that is wanted and known.
    pub ns: u64,
    /// How long it took as it was measured: its stages add up to this.
    pub measured_ns: u64,
    /// Process.
    pub tgid: u32,
    /// Thread.
    pub tid: u32,
    /// The thread's name.
    pub comm: Arc<str>,
    /// The other domain; `None`: not known.
    pub domid: Option<u16>,
    /// Grant references; `None`: not known.
    pub pages: Option<u32>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it failed; `None`: not known, or its outcome says it all.
    pub cause: Option<Cause>,
    /// Its stages, in the order in which they followed each other.
    pub stages: Box<[Segment]>,
    /// Stages may be charged to the one around them.
    pub stages_incomplete: bool,
}

/// Those of all series.
#[derive(Clone, Debug, Default)]
pub struct Exemplars {
    by_key: HashMap<SeriesKey, OfSeries, RandomState>,
    added: u64,
}

/// The slowest first.
type Slowest = Vec<Arc<Exemplar>>;

#[derive(Clone, Debug, Default)]
struct OfSeries {
    ever: Slowest,
    /// Those of this half minute, and those of the one before.
    recent: [Slowest; 2],
    half_minute: u64,
    /// When one was added last, in operations.
    used: u64,
}

impl Exemplars {
    /// Takes in an operation at this time of the recording, which took `ns`.
    pub fn add(&mut self, key: SeriesKey, operation: &Operation, ns: u64, now_ns: u64, detail: Option<Detail>) {
        self.added += 1;
        if self.by_key.len() == MOST_SERIES && !self.by_key.contains_key(&key) {
            self.forget_one();
        }
        let series = self.by_key.entry(key).or_default();
        series.used = self.added;
        series.go_on_to(now_ns / RECENT_NS);
        let [this, _] = &series.recent;
        if !has_room(&series.ever, ns) && !has_room(this, ns) {
            return;
        }
        let exemplar = Arc::new(exemplar(operation, ns, detail));
        put(&mut series.ever, &exemplar);
        put(&mut series.recent[0], &exemplar);
    }

    fn forget_one(&mut self) {
        let oldest = self.by_key.iter().min_by_key(|(_, series)| series.used).map(|(key, _)| *key);
        oldest.map(|key| self.by_key.remove(&key));
    }

    /// The slowest of all time.
    pub fn slowest(&self, is_wanted: impl Fn(&SeriesKey) -> bool) -> Vec<(SeriesKey, Arc<Exemplar>)> {
        self.of(is_wanted, |series| series.ever.clone())
    }

    /// The slowest of this half minute and the one before.
    pub fn recent(&self, is_wanted: impl Fn(&SeriesKey) -> bool, now_ns: u64) -> Vec<(SeriesKey, Arc<Exemplar>)> {
        self.of(is_wanted, |series| {
            let mut series = series.clone();
            series.go_on_to(now_ns / RECENT_NS);
            series.recent.concat()
        })
    }

    fn of(
        &self,
        is_wanted: impl Fn(&SeriesKey) -> bool,
        exemplars: impl Fn(&OfSeries) -> Slowest,
    ) -> Vec<(SeriesKey, Arc<Exemplar>)> {
        let wanted = self.by_key.iter().filter(|(key, _)| is_wanted(key));
        let mut all: Vec<_> = wanted.flat_map(|(key, series)| exemplars(series).into_iter().map(|one| (*key, one))).collect();
        all.sort_by_key(|(key, one)| (Reverse(one.ns), one.start_ns, *key));
        all.truncate(MOST_EXEMPLARS);
        all
    }

    /// Memory.
    pub fn bytes(&self) -> usize {
        let table = self.by_key.capacity() * size_of::<(SeriesKey, OfSeries)>() * 8 / 7;
        table + self.by_key.values().map(OfSeries::bytes).sum::<usize>()
    }

    /// As much as that can be.
    pub const fn most_bytes() -> usize {
        let one = size_of::<Arc<Exemplar>>() + ALLOCATED + MOST_NAME_BYTES + MOST_SEGMENTS * size_of::<Segment>();
        MOST_SERIES * (2 * size_of::<(SeriesKey, OfSeries)>() * 8 / 7 + 3 * MOST_EXEMPLARS * one)
    }
}

/// An exemplar and its two counters.
const ALLOCATED: usize = size_of::<Exemplar>() + 2 * size_of::<usize>();

impl OfSeries {
    fn go_on_to(&mut self, half_minute: u64) {
        if half_minute == self.half_minute {
            return;
        }
        let [this, before] = &mut self.recent;
        before.clear();
        if half_minute.checked_sub(1) == Some(self.half_minute) {
            std::mem::swap(this, before);
        }
        this.clear();
        self.half_minute = half_minute;
    }

    fn bytes(&self) -> usize {
        let is_ever = |one: &Arc<Exemplar>| self.ever.iter().any(|ever| Arc::ptr_eq(ever, one));
        let only_recent = self.recent.iter().flatten().filter(|one| !is_ever(one));
        let apart = |one: &Arc<Exemplar>| ALLOCATED + one.comm.len() + one.stages.len() * size_of::<Segment>();
        let lists = self.ever.capacity() + self.recent.iter().map(Vec::capacity).sum::<usize>();
        lists * size_of::<Arc<Exemplar>>() + self.ever.iter().chain(only_recent).map(apart).sum::<usize>()
    }
}

fn has_room(slowest: &Slowest, ns: u64) -> bool {
    slowest.len() < MOST_EXEMPLARS || slowest.last().is_some_and(|last| last.ns < ns)
}

fn put(slowest: &mut Slowest, exemplar: &Arc<Exemplar>) {
    if !has_room(slowest, exemplar.ns) {
        return;
    }
    if slowest.capacity() == 0 {
        slowest.reserve_exact(MOST_EXEMPLARS);
    }
    slowest.truncate(MOST_EXEMPLARS - 1);
    let place = slowest.partition_point(|other| other.ns >= exemplar.ns);
    slowest.insert(place, exemplar.clone());
}

fn exemplar(operation: &Operation, ns: u64, detail: Option<Detail>) -> Exemplar {
    let mut stages = timeline(detail, operation);
    if stages.len() > MOST_SEGMENTS {
        stages = timeline(None, operation);
        stages.truncate(MOST_SEGMENTS);
    }
    Exemplar {
        start_ns: operation.start_ns,
        ns,
        measured_ns: operation.duration_ns,
        tgid: operation.tgid,
        tid: operation.tid,
        comm: short(&operation.comm),
        domid: operation.domid,
        pages: operation.pages,
        outcome: operation.outcome,
        cause: operation.cause(),
        stages: stages.into(),
        stages_incomplete: operation.stages_incomplete,
    }
}

/// A name of bounded length: mostly shared with the operation's.
pub fn short(name: &Arc<str>) -> Arc<str> {
    if name.len() <= MOST_NAME_BYTES {
        return name.clone();
    }
    let end = (0..=MOST_NAME_BYTES).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    name[..end].into()
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Stage};

    use super::*;
    use crate::fixtures::{S, export};

    fn key() -> SeriesKey {
        SeriesKey::total(&export(Buffer::Wc, 1), None)
    }

    fn add(exemplars: &mut Exemplars, key: SeriesKey, ns: u64, now_ns: u64) {
        exemplars.add(key, &export(Buffer::Wc, ns), ns, now_ns, None);
    }

    fn ns(all: &[(SeriesKey, Arc<Exemplar>)]) -> Vec<u64> {
        all.iter().map(|(_, one)| one.ns).collect()
    }

    #[test]
    fn the_slowest_stay_in_order_and_recent_ones_go_with_the_time() {
        let mut exemplars = Exemplars::default();
        (1..=20).for_each(|ns| add(&mut exemplars, key(), 1_000 + ns * 7 % 20, S));
        (1..=3).for_each(|ns| add(&mut exemplars, key(), ns, 31 * S));
        assert_eq!(ns(&exemplars.slowest(|_| true)), (1_012..1_020).rev().collect::<Vec<_>>());
        assert_eq!(ns(&exemplars.recent(|_| true, 31 * S))[..2], [1_019, 1_018]);
        assert_eq!(ns(&exemplars.recent(|_| true, 61 * S)), [3, 2, 1]);
        assert!(exemplars.recent(|_| true, 91 * S).is_empty() && exemplars.recent(|_| true, u64::MAX).is_empty());
    }

    #[test]
    fn an_exemplar_is_the_operation_with_its_time_line() {
        let mut exemplars = Exemplars::default();
        let operation = Operation { comm: "é".repeat(100).into(), domid: Some(3), ..export(Buffer::Wc, 50) };
        exemplars.add(key(), &operation, 40, 0, None);
        let (of, one) = exemplars.slowest(|_| true).remove(0);
        assert_eq!((of, one.ns, one.measured_ns, one.domid, one.pages), (key(), 40, 50, Some(3), Some(16)));
        assert_eq!(one.stages[..], [Segment { stage: Stage::Remainder, begin_ns: 0, ns: 50 }]);
        assert_eq!(&*one.comm, "é".repeat(32));
    }

    #[test]
    fn only_so_many_series_have_exemplars_and_those_that_came_last_do() {
        let mut exemplars = Exemplars::default();
        let of = |pages| SeriesKey { pages: Some(pages), ..key() };
        for pages in 0..2_000 {
            (0..30).for_each(|ns| add(&mut exemplars, of(pages), ns, 0));
            add(&mut exemplars, of(0), 1, 0);
        }
        assert_eq!(exemplars.by_key.len(), MOST_SERIES);
        let has = |pages| !exemplars.slowest(|key| *key == of(pages)).is_empty();
        assert_eq!([has(0), has(1), has(1_999)], [true, false, true]);
        assert!(exemplars.bytes() <= Exemplars::most_bytes());
    }
}
