//! What a row of the table is about: one series of whole operations, or several that differ in their page count only.

use std::collections::BTreeMap;

use grantscope_analysis::model::Outcome;
use grantscope_analysis::series::aggregate::{Aggregate, Series, SeriesKey};
use grantscope_wire::{Buffer, Op, Stage};
use internment::Intern;

/// Which page counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pages {
    /// Not known, or the operation is not about pages.
    Unknown,
    /// This many.
    Exactly(u32),
    /// Any.
    All,
}

impl From<Option<u32>> for Pages {
    fn from(pages: Option<u32>) -> Self {
        pages.map_or(Self::Unknown, Self::Exactly)
    }
}

impl Pages {
    /// The page count of a series, or `All` where page counts are merged.
    pub fn of(pages: Option<u32>, merged: bool) -> Self {
        if merged { Self::All } else { pages.into() }
    }
}

/// What the operations of a row have in common. The order is that of an unsorted table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// What was asked for.
    pub op: Op,
    /// What backs the mapping; `None`: not known.
    pub buffer: Option<Buffer>,
    /// The kernel function that asked; `None`: not known, or a call from user space.
    pub caller: Option<Intern<str>>,
    /// How many grants.
    pub pages: Pages,
    /// How it ended.
    pub outcome: Outcome,
}

impl Group {
    /// The group of a series.
    pub fn of(key: &SeriesKey, merged: bool) -> Self {
        let &SeriesKey { op, buffer, caller, outcome, .. } = key;
        Self { op, buffer, caller, pages: Pages::of(key.pages, merged), outcome }
    }

    /// `map`, `map_refs/xen_blkbk_map`: the operation, and the in-kernel user that asked for it.
    pub fn name(&self) -> String {
        self.caller.map_or_else(|| self.op.name().to_owned(), |caller| format!("{}/{caller}", self.op.name()))
    }
}

/// Whole operations of every group, with the keys of the series that it is made of.
pub fn groups(aggregate: &Aggregate, merged: bool) -> BTreeMap<Group, Vec<SeriesKey>> {
    let mut groups: BTreeMap<Group, Vec<SeriesKey>> = BTreeMap::new();
    for (key, _) in aggregate.series().filter(|(key, _)| key.stage.is_none()) {
        groups.entry(Group::of(key, merged)).or_default().push(*key);
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
