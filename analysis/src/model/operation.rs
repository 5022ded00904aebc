//! Operations, their stages and their details.

use std::sync::Arc;

use grantscope_wire::{Allocator, Buffer, Cause, Event, Op, Stage};
use smallvec::SmallVec;

use super::{DmaSums, Outcome, Phase};

/// Hooks that were passed: of most operations so few that they need no memory of their own.
pub type Log = SmallVec<[Event; 8]>;

/// Stages: the same.
pub type Stages = SmallVec<[StageSpan; 4]>;

/// One operation that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Monotonic time at which it began.
    pub start_ns: u64,
    /// How long it took.
    pub duration_ns: u64,
    /// The kind of operation.
    pub op: Op,
    /// What backs the mapping; `None`: not known.
    pub buffer: Option<Buffer>,
    /// Grant references it was about; `None`: not known.
    pub pages: Option<u32>,
    /// How it ended.
    pub outcome: Outcome,
    /// The other domain; `None`: not known.
    pub domid: Option<u16>,
    /// Process.
    pub tgid: u32,
    /// Thread.
    pub tid: u32,
    /// The thread's name: mostly shared with its other operations.
    pub comm: Arc<str>,
    /// Distinguishes successive maps at the same address; `None`: not known.
    pub map_generation_ns: Option<u64>,
    /// Stages may be charged to the one around them: the stack overflowed, or a return was unmatched.
    pub stages_incomplete: bool,
    /// Where the time went. Their `self_ns` add up to `duration_ns`. Empty where nobody reads them.
    pub stages: Stages,
    /// The hooks that it passed, in their order, which `stages` were made of. Empty where a recording does not have them: before
    /// version 4.
    pub log: Log,
    /// The programs timed themselves in it, which cost time of its own.
    pub is_sounded: bool,
    /// The part of a benchmark that its thread was in when it began; `None`: the thread has said nothing of it.
    pub phase: Option<Phase>,
    /// What else is known of it, in no fixed order.
    pub details: Vec<Detail>,
}

/// What only some operations have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// The operation that asked for this one: a teardown ends later than what began it.
    StartedBy(Op),
    /// The kernel function that asked: of an operation that no call from user space began.
    Caller(String),
    /// Why it failed, if the errno has several possible causes.
    Cause(Cause),
    /// Where the memory of the DMA buffer is from that it allocated.
    Allocator(Allocator),
    /// A buffer was mapped for an importer's device in it, or was to be.
    Mapping {
        /// Entries of its scatter list: parts that lie together for this kernel. `None`: not known.
        entries: Option<u32>,
        /// Entries that were not mapped where they lie, but by way of a bounce buffer, or were to be. `None`: not known.
        bounces: Option<u32>,
        /// Bytes of those.
        bounced_bytes: Option<u64>,
    },
    /// How many of its references got a grant status other than okay.
    Status {
        /// Xen's `GNTST_*`, or [`UNREAD`](super::UNREAD).
        status: i16,
        /// References.
        count: u32,
    },
}

impl Operation {
    /// Whether the stages account for every nanosecond.
    pub fn adds_up(&self) -> bool {
        self.stages.iter().map(|stage| u128::from(stage.self_ns)).sum::<u128>() == self.duration_ns.into()
    }

    /// The operation that requested this one; `None`: not known, or not requested by another.
    pub fn started_by(&self) -> Option<Op> {
        self.details.iter().find_map(|detail| if let Detail::StartedBy(op) = detail { Some(*op) } else { None })
    }
}

impl Operation {
    /// The kernel function that asked; `None`: not known, or a call from user space.
    pub fn caller(&self) -> Option<&str> {
        self.details.iter().find_map(|detail| if let Detail::Caller(name) = detail { Some(name.as_str()) } else { None })
    }

    /// Why it failed; `None`: not known, or its outcome says it all.
    pub fn cause(&self) -> Option<Cause> {
        self.details.iter().find_map(|detail| if let Detail::Cause(cause) = detail { Some(*cause) } else { None })
    }

    /// Where the memory of the DMA buffer is from that it allocated; `None`: it allocated none, or not known.
    pub fn allocator(&self) -> Option<Allocator> {
        self.details.iter().find_map(|detail| if let Detail::Allocator(allocator) = detail { Some(*allocator) } else { None })
    }

    /// What DMA was done in it; `None`: none, or not known.
    pub fn dma(&self) -> Option<DmaSums> {
        let mut sums = None::<DmaSums>;
        for detail in &self.details {
            match *detail {
                Detail::Allocator(allocator) => {
                    sums.get_or_insert_default().from_cma = Some(u64::from(allocator == Allocator::Cma));
                }
                Detail::Mapping { entries, bounces, bounced_bytes } => {
                    let sums = sums.get_or_insert_default();
                    (sums.entries, sums.bounces) = (entries.map(u64::from), bounces.map(u64::from));
                    sums.bounced_bytes = bounced_bytes;
                }
                _ => {}
            }
        }
        sums
    }

    /// Grant references by the status that Xen refused them with, and those of which it is not known.
    pub fn statuses(&self) -> impl Iterator<Item = (i16, u32)> {
        self.details
            .iter()
            .filter_map(|detail| if let Detail::Status { status, count } = *detail { Some((status, count)) } else { None })
    }
}

/// Time spent in one stage of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageSpan {
    /// Which.
    pub stage: Stage,
    /// Time in the stage itself, without stages inside it, over all its calls.
    pub self_ns: u64,
    /// When it was first entered, counted from the operation's start.
    pub first_offset_ns: u32,
    /// Entries into it.
    pub calls: u16,
}
