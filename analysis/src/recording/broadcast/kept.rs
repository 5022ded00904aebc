//! What viewers need, where their threads and the one that keeps it meet.

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::counts::Counts;
use super::operations::{Piece, Pieces, Place, encoded};
use super::state::{New, Seen, State};
use crate::model::{Environment, Operation};
use crate::recording::Frame;

/// Bytes of the last operations: some 500,000 of them, for those who come late or are slow.
pub const MOST_KEPT_BYTES: usize = 16 << 20;
/// Viewers at once: each has a thread.
pub const MOST_VIEWERS: usize = 16;
/// How long viewers that take nothing are waited for at the end.
const MOST_SILENCE: Duration = Duration::from_secs(1);
/// How long they are waited for in all.
const MOST_WAIT: Duration = Duration::from_secs(3);

/// What the threads share.
#[derive(Debug, Default)]
pub struct Shared {
    kept: Mutex<Kept>,
    changed: Condvar,
    /// Bytes that all viewers together have taken.
    pub taken_bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Kept {
    state: State,
    pieces: Pieces,
    viewers: usize,
    /// Nothing more comes.
    is_over: bool,
}

/// Where a viewer is.
#[derive(Debug)]
pub struct Reached {
    seen: Seen,
    place: Place,
    /// What ended before it came and is not kept, until it is told.
    earlier: Counts,
}

/// The next that a viewer gets.
#[derive(Debug, Default)]
pub struct Next {
    /// Of the state.
    pub new: New,
    /// Operations.
    pub piece: Option<Arc<Piece>>,
    /// Those that ended before it came, and were not kept.
    pub earlier: Counts,
    /// Those that it was too slow for.
    pub missed: Counts,
    /// It has everything then; and when the recording ended, if it did so on purpose.
    pub end: Option<Option<u64>>,
}

impl Shared {
    /// Keeps operations.
    pub fn keep(&self, operations: Vec<Operation>) {
        let counts = Counts::of(&operations);
        // Its environment says nothing: that of the recording is the viewer's already.
        let bytes = encoded(operations, &Environment::default());
        self.change(|kept| match bytes {
            Ok(bytes) => kept.pieces.keep(bytes, counts, MOST_KEPT_BYTES),
            Err(_) => kept.pieces.leave_out(&counts),
        });
    }

    /// Counts operations that are not kept.
    pub fn leave_out(&self, counts: &Counts) {
        self.change(|kept| kept.pieces.leave_out(counts));
    }

    /// Takes in a frame that is none of operations.
    pub fn set(&self, frame: Frame) {
        self.change(|kept| kept.state.set(frame));
    }

    /// Nothing more comes.
    pub fn end(&self) {
        self.change(|kept| kept.is_over = true);
    }

    /// One viewer more; `None`: there are too many.
    pub fn enter(&self) -> Option<Reached> {
        let mut kept = self.lock();
        if kept.viewers == MOST_VIEWERS || kept.is_over {
            return None;
        }
        kept.viewers += 1;
        let (place, earlier) = kept.pieces.begin();
        Some(Reached { seen: Seen::default(), place, earlier })
    }

    /// One viewer fewer.
    pub fn leave(&self) {
        self.change(|kept| kept.viewers -= 1);
    }

    /// What comes next for a viewer, as soon as there is something.
    pub fn next(&self, reached: &mut Reached) -> Next {
        let mut kept = self.lock();
        while !kept.has_news(reached) {
            kept = self.changed.wait(kept).unwrap_or_else(PoisonError::into_inner);
        }
        kept.next(reached)
    }

    /// Waits for viewers that take what is left, for a moment.
    pub fn wait_for_viewers(&self) {
        let began = Instant::now();
        let (mut taken, mut since) = (self.taken_bytes.load(Ordering::Relaxed), began);
        let mut kept = self.lock();
        while kept.viewers > 0 && since.elapsed() < MOST_SILENCE && began.elapsed() < MOST_WAIT {
            let wait = self.changed.wait_timeout(kept, Duration::from_millis(20));
            kept = wait.unwrap_or_else(PoisonError::into_inner).0;
            let now = self.taken_bytes.load(Ordering::Relaxed);
            if now != taken {
                (taken, since) = (now, Instant::now());
            }
        }
    }

    /// How many operations came and are not kept any more.
    #[cfg(test)]
    pub fn forgotten(&self) -> u64 {
        self.lock().pieces.begin().1.lost(grantscope_wire::LossKind::Earlier).map(|counter| counter.count).sum()
    }

    fn change(&self, change: impl FnOnce(&mut Kept)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn has_news(&self, reached: &Reached) -> bool {
        let has_all = || self.pieces.is_at_end(&reached.place) && self.state.is_known(&reached.seen);
        self.is_over || self.state.has_begun() && !has_all()
    }

    fn next(&self, reached: &mut Reached) -> Next {
        if !self.state.has_begun() {
            return Next { end: Some(None), ..Next::default() };
        }
        let earlier = mem::take(&mut reached.earlier);
        let (piece, missed) = self.pieces.next(&mut reached.place);
        let is_last = self.pieces.is_at_end(&reached.place) && (self.is_over || self.state.ended_ns().is_some());
        let end = is_last.then(|| self.state.ended_ns());
        Next { new: self.state.new_to(&mut reached.seen), piece, earlier, missed, end }
    }
}
