//! Series that a reader sees as one: what is left of a key without causes, and without page counts if they are added up.

use std::collections::BTreeMap;

use grantscope_wire::{Buffer, Op, Stage};
use internment::Intern;

use super::key::name_of;
use super::{Aggregate, Series, SeriesKey};
use crate::model::Outcome;

/// Which page counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pages {
    /// Not known, or the operation is not about pages.
    Unknown,
    /// This many grant references.
    Exactly(u32),
    /// Any.
    All,
}

impl Pages {
    /// The page count of a series, or `All` where page counts are added up.
    pub fn of(pages: Option<u32>, added_up: bool) -> Self {
        if added_up { Self::All } else { pages.map_or(Self::Unknown, Self::Exactly) }
    }
}

/// The common properties of the operations of a group. The order is that of an unsorted table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// The kind of operation.
    pub op: Op,
    /// What backs the mapping; `None`: not known.
    pub buffer: Option<Buffer>,
    /// The operation that requested this one; `None`: not known, or none.
    pub started_by: Option<Op>,
    /// The kernel function that called; `None`: not known, or a call from user space.
    pub caller: Option<Intern<str>>,
    /// How many grant references.
    pub pages: Pages,
    /// How it ended.
    pub outcome: Outcome,
}

impl Group {
    /// The group of a series.
    pub fn of(key: &SeriesKey, pages_added_up: bool) -> Self {
        let &SeriesKey { op, buffer, started_by, caller, outcome, .. } = key;
        Self { op, buffer, started_by, caller, pages: Pages::of(key.pages, pages_added_up), outcome }
    }

    /// What its series have in common, as the key of one: no page count where these are added up, and no cause.
    pub fn key(&self) -> SeriesKey {
        let &Self { op, buffer, started_by, caller, pages, outcome } = self;
        let pages = if let Pages::Exactly(pages) = pages { Some(pages) } else { None };
        SeriesKey { op, buffer, pages, outcome, started_by, cause: None, caller, stage: None }
    }

    /// As [`SeriesKey::name`].
    pub fn name(&self) -> String {
        name_of(self.op, self.started_by, self.caller)
    }
}

/// Whole operations of every group, with the keys of the series that it is made of.
pub fn groups(aggregate: &Aggregate, pages_added_up: bool) -> BTreeMap<Group, Vec<SeriesKey>> {
    let mut groups: BTreeMap<Group, Vec<SeriesKey>> = BTreeMap::new();
    for (key, _) in aggregate.series().filter(|(key, _)| key.stage.is_none()) {
        groups.entry(Group::of(key, pages_added_up)).or_default().push(*key);
    }
    groups
}

/// Durations of these series as one, for the whole operation or one stage: added bucket by bucket, so nothing is lost.
pub fn merged(aggregate: &Aggregate, members: &[SeriesKey], stage: Option<Stage>) -> Series {
    let mut whole = Series::default();
    for member in members {
        if let Some(series) = aggregate.get(&SeriesKey { stage, ..*member }) {
            whole.merge(series);
        }
    }
    whole
}
