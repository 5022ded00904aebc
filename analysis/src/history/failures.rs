//! The last operations that failed.

use std::collections::VecDeque;
use std::sync::Arc;

use grantscope_wire::{Cause, Op};

use super::exemplars::short;
use crate::model::{Operation, Outcome, Phase};
use crate::series::SeriesKey;

/// As many are remembered.
pub const MOST_FAILURES: usize = 256;
/// Of one, as many statuses: Xen mostly refuses all references for one reason.
const MOST_STATUSES: usize = 8;

/// An operation that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When it began.
    pub start_ns: u64,
    /// How long it took, as it was measured.
    pub measured_ns: u64,
    /// Its series; `None`: it is in none, because of its phase or because there are too many.
    pub key: Option<SeriesKey>,
    /// The kind of operation.
    pub op: Op,
    /// How it ended.
    pub outcome: Outcome,
    /// Why; `None`: not known, or its outcome says it all.
    pub cause: Option<Cause>,
    /// References by Xen's grant status.
    pub statuses: Box<[(i16, u32)]>,
    /// Process and thread.
    pub tgid: u32,
    /// Thread.
    pub tid: u32,
    /// The thread's name.
    pub comm: Arc<str>,
    /// The other domain; `None`: not known.
    pub domid: Option<u16>,
    /// Grant references; `None`: not known.
    pub pages: Option<u32>,
    /// The part of a benchmark; `None`: its thread said none.
    pub phase: Option<Phase>,
}

/// The last ones, the oldest first.
#[derive(Clone, Debug, Default)]
pub struct Failures(VecDeque<Failure>);

impl Failures {
    pub fn add(&mut self, operation: &Operation, key: Option<SeriesKey>) {
        if self.0.len() == MOST_FAILURES {
            self.0.pop_front();
        }
        self.0.push_back(Failure {
            start_ns: operation.start_ns,
            measured_ns: operation.duration_ns,
            key,
            op: operation.op,
            outcome: operation.outcome,
            cause: operation.cause(),
            statuses: operation.statuses().take(MOST_STATUSES).collect(),
            tgid: operation.tgid,
            tid: operation.tid,
            comm: short(&operation.comm),
            domid: operation.domid,
            pages: operation.pages,
            phase: operation.phase,
        });
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Failure> + ExactSizeIterator {
        self.0.iter()
    }

    pub fn bytes(&self) -> usize {
        let apart = |failure: &Failure| failure.statuses.len() * size_of::<(i16, u32)>() + failure.comm.len();
        self.0.capacity() * size_of::<Failure>() + self.0.iter().map(apart).sum::<usize>()
    }

    pub const fn most_bytes() -> usize {
        MOST_FAILURES * (2 * size_of::<Failure>() + MOST_STATUSES * size_of::<(i16, u32)>() + super::exemplars::MOST_NAME_BYTES)
    }
}
