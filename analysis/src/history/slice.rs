//! A slice of time: what ended in it, by series.

use std::collections::BTreeMap;

use grantscope_wire::{LossKind, Stage};

use super::durations::{Durations, Packed, pack, packed};
use crate::model::{Operation, Phase};

/// Time is told apart in steps of this length, and no slice is shorter: the shortest recordings have a few dozen.
pub const STEP_NS: u64 = 1_000_000_000 / 16;

/// The step that a time is in.
pub fn step_of(at_ns: u64) -> u64 {
    at_ns / STEP_NS
}

/// What happened in a time, of all series together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// Operations of every phase.
    pub operations: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Teardowns that were deferred.
    pub deferred: u64,
    /// Operations of each phase, in the order of [`Phase::ALL`]: where a thread said one.
    pub by_phase: [u64; Phase::ALL.len()],
    /// What was lost, in the order of [`LossKind::ALL`]: found out at this time, since the report before.
    pub lost: [u64; LossKind::ALL.len()],
}

impl Events {
    pub(super) fn count(&mut self, operation: &Operation, is_failure: bool) {
        self.operations += 1;
        self.failed += u64::from(is_failure);
        self.deferred += u64::from(operation.stages.iter().any(|span| span.stage == Stage::Deferred));
        if let Some(phase) = operation.phase {
            self.by_phase[phase as usize] += 1;
        }
    }

    /// All that was lost, of every kind; `u64::MAX`: that, or more.
    pub fn all_lost(&self) -> u64 {
        self.lost.iter().copied().fold(0, u64::saturating_add)
    }

    /// Adds all that happened in another time.
    pub fn add(&mut self, other: &Self) {
        self.add_part(other, |count| count);
    }

    /// Adds what `part` makes of each number.
    pub(super) fn add_part(&mut self, other: &Self, part: impl Fn(u64) -> u64) {
        self.operations = self.operations.saturating_add(part(other.operations));
        self.failed = self.failed.saturating_add(part(other.failed));
        self.deferred = self.deferred.saturating_add(part(other.deferred));
        let arrays = self.by_phase.iter_mut().zip(&other.by_phase).chain(self.lost.iter_mut().zip(&other.lost));
        arrays.for_each(|(sum, more)| *sum = sum.saturating_add(part(*more)));
    }
}

/// A slice, from its first step to before its end.
#[derive(Clone, Debug)]
pub struct Slice {
    pub first: u64,
    pub end: u64,
    pub events: Events,
    /// While more of it is expected.
    open: Option<BTreeMap<u16, Durations>>,
    /// What is not expected to change. What comes late all the same stands behind it.
    packed: Vec<u8>,
    has_late: bool,
    /// All series together: those that did not fail, and those that did. A picture of all is drawn many times a second.
    totals: Totals,
}

/// Two numbers of durations, packed.
#[derive(Clone, Debug, Default)]
struct Totals(Vec<u8>);

impl Totals {
    fn unpacked(&self, first_step: u64) -> [Durations; 2] {
        let mut totals = <[Durations; 2]>::default();
        packed(&self.0, first_step).for_each(|(place, packed)| totals[usize::from(place)] = packed.unpacked());
        totals
    }

    fn change(&mut self, first_step: u64, change: impl FnOnce(&mut [Durations; 2])) {
        let mut totals = self.unpacked(first_step);
        change(&mut totals);
        let mut bytes = Vec::new();
        let there = (0..).zip(&totals).filter(|(_, durations)| durations.count() > 0);
        there.for_each(|(place, durations)| pack(&mut bytes, place, first_step, durations));
        bytes.shrink_to_fit();
        self.0 = bytes;
    }
}

impl Slice {
    /// Of one step.
    pub fn of(step: u64) -> Self {
        let open = Some(BTreeMap::new());
        Self {
            first: step,
            end: step + 1,
            events: Events::default(),
            open,
            packed: Vec::new(),
            has_late: false,
            totals: Totals::default(),
        }
    }

    /// Of slices that follow each other, all that is in them.
    pub fn together(slices: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut slices = slices.into_iter();
        let mut all = slices.next()?;
        let mut by_place = all.by_place(|_| true);
        let mut totals = all.totals.unpacked(all.first);
        for slice in slices {
            all.end = slice.end;
            all.events.add(&slice.events);
            slice.add_to(&mut by_place, |_| true);
            totals.iter_mut().zip(slice.totals.unpacked(slice.first)).for_each(|(sum, more)| sum.add(&more));
        }
        all.packed = packed_from(&by_place, all.first);
        all.totals.change(all.first, |sums| *sums = totals);
        all.has_late = false;
        Some(all)
    }

    /// Counts an operation of the series at this place, whose operations fail or not, which ended in this step.
    pub fn record(&mut self, place: u16, is_failure: bool, ns: u64, step: u64) {
        if let Some(open) = &mut self.open {
            open.entry(place).or_default().record(ns, step);
            return;
        }
        let mut late = Durations::default();
        late.record(ns, step);
        pack(&mut self.packed, place, self.first, &late);
        self.has_late = true;
        self.totals.change(self.first, |totals| totals[usize::from(is_failure)].add(&late));
    }

    /// Nothing more is expected. Of the series at some places the operations failed.
    pub fn close(&mut self, is_failure: impl Fn(u16) -> bool) {
        let Some(open) = self.open.take() else { return };
        self.packed = packed_from(&open, self.first);
        let add = |totals: &mut [Durations; 2]| {
            open.iter().for_each(|(place, durations)| totals[usize::from(is_failure(*place))].add(durations));
        };
        self.totals.change(self.first, add);
    }

    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether something came after it was closed.
    pub fn has_late(&self) -> bool {
        self.has_late
    }

    /// The durations of the series at these places.
    pub fn by_place(&self, is_wanted: impl Fn(u16) -> bool) -> BTreeMap<u16, Durations> {
        let mut all = BTreeMap::new();
        self.add_to(&mut all, is_wanted);
        all
    }

    /// The same, added to others.
    pub fn add_to(&self, all: &mut BTreeMap<u16, Durations>, is_wanted: impl Fn(u16) -> bool) {
        let mut add = |place, durations: &Durations| all.entry(place).or_default().add(durations);
        let open = self.open.iter().flatten().filter(|(place, _)| is_wanted(**place));
        open.for_each(|(place, durations)| add(*place, durations));
        let packed = packed(&self.packed, self.first).filter(|(place, _)| is_wanted(*place));
        packed.for_each(|(place, packed)| add(place, &packed.unpacked()));
    }

    /// Visits the durations of the series at these places, packed as they are; those of an open slice are packed for it.
    pub fn visit(&self, is_wanted: impl Fn(u16) -> bool, mut visit: impl FnMut(u16, Packed<'_>)) {
        let mut fresh = Vec::new();
        let open = self.open.iter().flatten();
        open.for_each(|(place, durations)| pack(&mut fresh, *place, self.first, durations));
        for bytes in [&fresh, &self.packed] {
            packed(bytes, self.first).filter(|(place, _)| is_wanted(*place)).for_each(|(place, packed)| visit(place, packed));
        }
    }

    /// The durations of all series together, packed as they are, and whether they are of those that failed: of a slice that is closed.
    pub fn visit_totals(&self, mut visit: impl FnMut(bool, Packed<'_>)) {
        packed(&self.totals.0, self.first).for_each(|(place, packed)| visit(place == 1, packed));
    }

    /// Bytes of what is packed.
    pub fn packed_bytes(&self) -> usize {
        self.packed.capacity() + self.totals.0.capacity()
    }

    /// Bytes of what is not.
    pub fn open_bytes(&self) -> usize {
        // A node of a BTreeMap has room for eleven, and is at least half full.
        let entry = 2 * size_of::<(u16, Durations)>();
        self.open.iter().flatten().map(|(_, durations)| entry + durations.bytes()).sum()
    }

    /// As much as that can be with so many series.
    pub const fn most_open_bytes(series: usize) -> usize {
        series * (2 * size_of::<(u16, Durations)>() + Durations::most_bytes())
    }
}

/// The bytes of all of them.
fn packed_from(by_place: &BTreeMap<u16, Durations>, first_step: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    by_place.iter().for_each(|(place, durations)| pack(&mut bytes, *place, first_step, durations));
    bytes.shrink_to_fit();
    bytes
}
