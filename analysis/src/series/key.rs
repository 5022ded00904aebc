//! What the operations of a series have in common, and its name.

use std::fmt;
use std::hash::{Hash, Hasher};

use grantscope_wire::{Buffer, Cause, Op, Stage};
use internment::Intern;

use crate::model::{Operation, Outcome, is_failure};

/// The common properties of the operations of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesKey {
    /// The kind of operation.
    pub op: Op,
    /// What backs the mapping; `None`: not known.
    pub buffer: Option<Buffer>,
    /// Grant references; `None`: not known, or several page counts.
    pub pages: Option<u32>,
    /// The page counts, where they have a series together: beyond the most series that are wanted.
    pub page_range: Option<PageRange>,
    /// The other domain; `None`: not known.
    pub domid: Option<u16>,
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
    /// The series of whole operations that this one belongs to, which asked as `caller`.
    pub fn total(operation: &Operation, caller: Option<Intern<str>>) -> Self {
        Self {
            op: operation.op,
            buffer: operation.buffer,
            pages: operation.pages,
            page_range: None,
            domid: operation.domid,
            outcome: operation.outcome,
            started_by: operation.started_by(),
            cause: operation.cause(),
            caller,
            stage: None,
        }
    }

    /// The series of all page counts that are in one range with this one's.
    pub fn in_range(self) -> Self {
        Self { pages: None, page_range: self.pages.map(PageRange::of), ..self }
    }

    /// Whether its operations failed, or a part of each.
    pub fn is_failure(&self) -> bool {
        is_failure(self.op, self.outcome, self.cause)
    }

    /// The operation, and what asked for it: `teardown/close`, `map_refs/xen_blkbk_map`, `unmap_refs/–` for an unknown caller.
    pub fn name(&self) -> String {
        name_of(self.op, self.started_by, self.caller)
    }

    /// `total`, or the stage's name.
    pub fn stage_name(&self) -> &'static str {
        self.stage.map_or("total", Stage::name)
    }
}

/// Page counts from a power of two up to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageRange(u8);

impl PageRange {
    /// The range of a page count; 0 is in one with 1.
    pub fn of(pages: u32) -> Self {
        Self(pages.max(1).ilog2() as u8)
    }

    /// The fewest and the most pages.
    pub fn ends(self) -> (u32, u32) {
        let fewest = 1_u32 << self.0;
        (if fewest == 1 { 0 } else { fewest }, fewest + (fewest - 1))
    }
}

/// `1024-2047`, as in files.
impl fmt::Display for PageRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fewest, most) = self.ends();
        f.pad(&format!("{fewest}-{most}"))
    }
}

/// In few words rather than field by field: it is done for every operation. Keys that are the same have the same hash; some that are not,
/// as of an unknown page count and of the largest, do too.
impl Hash for SeriesKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let errno = if let Outcome::Errno(errno) = self.outcome { errno } else { 0 };
        state.write_u64(u64::from(self.pages.unwrap_or(u32::MAX)) << 32 | u64::from(errno as u32));
        let [domid_low, domid_high] = self.domid.unwrap_or(u16::MAX).to_le_bytes();
        let op = self.op.id();
        let buffer = self.buffer.map_or(u8::MAX, Buffer::id);
        let started_by = self.started_by.map_or(u8::MAX, Op::id);
        let cause = self.cause.map_or(u8::MAX, Cause::id);
        let stage = self.stage.map_or(u8::MAX, Stage::id);
        let page_range = self.page_range.map_or(u8::MAX, |range| range.0);
        state.write_u64(u64::from_le_bytes([op, buffer, started_by, cause, stage, page_range, domid_low, domid_high]));
        if let Some(caller) = self.caller {
            caller.hash(state);
        }
    }
}

/// The one way to name a row.
pub(super) fn name_of(op: Op, started_by: Option<Op>, caller: Option<Intern<str>>) -> String {
    let unknown = op.is_of_kernel_users().then_some("–");
    let asked = caller.as_ref().map(AsRef::as_ref).or(started_by.map(Op::name)).or(unknown);
    asked.map_or_else(|| op.name().to_owned(), |asked| format!("{}/{asked}", op.name()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use foldhash::fast::RandomState;

    use super::*;
    use crate::fixtures::export;

    #[test]
    fn keys_that_differ_in_any_way_have_hashes_of_their_own() {
        let key = SeriesKey::total(&export(Buffer::Wc, 1), None);
        let keys = [
            key,
            SeriesKey { op: Op::Map, ..key },
            SeriesKey { buffer: None, ..key },
            SeriesKey { pages: Some(77), ..key },
            SeriesKey { page_range: Some(PageRange(7)), ..key },
            SeriesKey { domid: Some(77), ..key },
            SeriesKey { outcome: Outcome::Errno(22), ..key },
            SeriesKey { started_by: Some(Op::Close), ..key },
            SeriesKey { cause: Some(Cause::OverLimit), ..key },
            SeriesKey { caller: Some(Intern::from("xen_blkbk_map")), ..key },
            SeriesKey { stage: Some(Stage::Remainder), ..key },
        ];
        let hasher = RandomState::default();
        let hashes: HashSet<_> = keys.iter().map(|key| hasher.hash_one(key)).collect();
        assert_eq!(hashes.len(), keys.len());
    }

    #[test]
    fn every_page_count_is_in_the_range_that_says_so() {
        for pages in [0, 1, 2, 3, 4, 1_023, 1_024, 2_025, 2_047, 2_048, u32::MAX] {
            let (fewest, most) = PageRange::of(pages).ends();
            assert!((fewest..=most).contains(&pages), "{pages} is not in {fewest} to {most}");
        }
        assert_eq!(
            [1, 2_025, u32::MAX].map(|pages| PageRange::of(pages).to_string()),
            ["0-1", "1024-2047", "2147483648-4294967295"]
        );
    }

    #[test]
    fn a_row_is_named_by_the_operation_and_by_what_asked_for_it() {
        assert_eq!(name_of(Op::Map, None, None), "map");
        assert_eq!(name_of(Op::Teardown, Some(Op::Close), None), "teardown/close");
        assert_eq!(name_of(Op::MapRefs, None, Some(Intern::from("xen_blkbk_map"))), "map_refs/xen_blkbk_map");
        assert_eq!(name_of(Op::UnmapRefs, None, None), "unmap_refs/–");
    }
}
