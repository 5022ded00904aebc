//! One run of a file: what it is judged by, and what else the file says of it.

use std::collections::BTreeMap;

use grantscope_wire::Op;

use crate::model::{DmaSums, Statuses};
use crate::runs::{Fact, Run};
use crate::series::SeriesKey;

/// How the column of a tag begins.
pub const TAG: &str = "tag_";

/// The columns that tell runs apart, besides tags; what is known by each but the name is a [`Fact`].
const COLUMNS: [(&str, Option<Fact>); 8] = [
    ("run", None),
    ("kernel", Some(Fact::Kernel)),
    ("xen", Some(Fact::Xen)),
    ("arch", Some(Fact::Arch)),
    ("page_size", Some(Fact::PageSize)),
    ("clock", Some(Fact::Clock)),
    ("filter", Some(Fact::Filter)),
    ("phase", Some(Fact::Phase)),
];

/// The columns that tell runs apart, besides tags, each with the circumstance that it says.
pub fn named_circumstances() -> impl Iterator<Item = (&'static str, Option<Fact>)> {
    COLUMNS.into_iter()
}

/// What tells runs apart, as files have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Circumstances {
    cells: [String; COLUMNS.len()],
    /// By name, without what their columns begin with. One that is empty is not in it.
    pub tags: BTreeMap<String, String>,
}

impl Circumstances {
    /// Of what stands in columns.
    pub fn of(cell: impl Fn(&'static str) -> String, tags: BTreeMap<String, String>) -> Self {
        Self { cells: COLUMNS.map(|(name, _)| cell(name)), tags }
    }

    /// What stands in a column; `None`: it is none of these.
    pub fn cell(&self, column: &str) -> Option<&str> {
        COLUMNS.iter().position(|(name, _)| *name == column).map(|place| self.cells[place].as_str())
    }
}

/// How what several runs have is added up.
type Sum = fn(u64, u64) -> u64;

/// The columns of numbers that are of a whole run, and how those of several are added up.
pub const OF_RUN: [(&str, Sum); 4] = [
    ("left_out", u64::saturating_add),
    ("without_row", u64::saturating_add),
    ("recorder_cpu_ns", u64::saturating_add),
    ("recorder_memory_bytes", u64::max),
];

/// One run, with all that a file says of it.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// What tells it from others.
    pub circumstances: Circumstances,
    /// What it is judged by.
    pub run: Run,
    /// What was lost of operations of each kind that has rows; `None`: not known.
    pub lost: BTreeMap<Op, Option<u64>>,
    /// What is in the columns [`OF_RUN`]; `None`: not known.
    pub numbers: [Option<u64>; OF_RUN.len()],
    /// What Xen refused, by the key of whole operations. Those of which it refused nothing are not in it.
    pub statuses: BTreeMap<SeriesKey, Statuses>,
    /// What DMA was done, likewise. Those in which none was are not in it.
    pub dma: BTreeMap<SeriesKey, DmaSums>,
}
