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

    pub(super) fn add(&mut self, other: &Self) {
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
}

impl Slice {
    /// Of one step.
    pub fn of(step: u64) -> Self {
        let open = Some(BTreeMap::new());
        Self { first: step, end: step + 1, events: Events::default(), open, packed: Vec::new(), has_late: false }
    }

    /// Of slices that follow each other, all that is in them.
    pub fn together(slices: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut slices = slices.into_iter();
        let mut all = slices.next()?;
        let mut by_place = all.by_place(|_| true);
        for slice in slices {
            all.end = slice.end;
            all.events.add(&slice.events);
            slice.add_to(&mut by_place, |_| true);
        }
        all.open = Some(by_place);
        all.close();
        Some(all)
    }

    /// Counts an operation of the series at this place, which ended in this step.
    pub fn record(&mut self, place: u16, ns: u64, step: u64) {
        if let Some(open) = &mut self.open {
            open.entry(place).or_default().record(ns, step);
            return;
        }
        let mut late = Durations::default();
        late.record(ns, step);
        pack(&mut self.packed, place, self.first, &late);
        self.has_late = true;
    }

    /// Nothing more is expected.
    pub fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let mut bytes = Vec::new();
        open.iter().for_each(|(place, durations)| pack(&mut bytes, *place, self.first, durations));
        bytes.shrink_to_fit();
        self.packed = bytes;
        self.has_late = false;
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

    /// Bytes of what is packed.
    pub fn packed_bytes(&self) -> usize {
        self.packed.capacity()
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
