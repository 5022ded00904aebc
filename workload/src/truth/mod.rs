//! The log of every call that reached the kernel, kept by this process's own clock.
//!
//! What is counted, and as what, is the contract with those who verify a profiler with it:
//! see `docs/truth.md`.

mod balloon;
mod clock;
mod file;
mod loops;
pub mod marks;
mod phase;
mod totals;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

pub use crate::op::{Buffer, Op};
pub use balloon::{BalloonReading, BalloonReport};
pub use clock::{monotonic_ns, sleep_until, utc_timestamp};
pub use file::{Destination, Ending, Header, RunInfo, UNWRITTEN};
pub use loops::{LoopTimes, Spread, Turn, loops};
pub use phase::Phase;
pub use totals::{Total, totals};

/// What a call was about. `None` is "the kernel had no buffer for it", never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which operation.
    pub op: Op,
    /// On which kind of buffer.
    pub buffer: Option<Buffer>,
    /// Of how many pages.
    pub pages: Option<u32>,
}

impl Subject {
    /// An operation on a known buffer.
    pub fn new(op: Op, buffer: Buffer, pages: usize) -> Self {
        Self { op, buffer: Some(buffer), pages: Some(u32::try_from(pages).unwrap_or(u32::MAX)) }
    }

    /// An operation that has no buffer.
    pub const fn without_buffer(op: Op) -> Self {
        Self { op, buffer: None, pages: None }
    }
}

/// One call that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The operation, its buffer and its pages.
    pub subject: Subject,
    /// `None` is success.
    pub errno: Option<Errno>,
    /// Which part of the run.
    pub phase: Phase,
    /// The calling thread.
    pub tid: u32,
    /// CLOCK_MONOTONIC just before the call, in ns.
    pub start_ns: u64,
    /// Until just after it, in ns.
    pub duration_ns: u64,
    /// The cause of its outcome, if the caller knows it.
    pub why: Option<Why>,
    /// Which of the run's arms it belongs to, by its place in the header's list.
    pub arm: Option<u16>,
}

/// Why a call ended as it did: what its errno hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Why {
    /// The cause, by its name in a profiler; empty: there is none.
    pub cause: &'static str,
    /// How many references Xen refused with which grant status, as in `bad_domain:1;bad_gntref:2`; empty: none.
    pub statuses: &'static str,
}

impl Call {
    /// "ok", or the errno's name.
    pub fn outcome(&self) -> String {
        self.errno.map_or_else(|| "ok".to_owned(), |errno| format!("{errno:?}"))
    }
}

/// How many maps of one kind and size gave up their grants: what the kernel may do long after the call that asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teardowns {
    /// The memory that backed them.
    pub buffer: Buffer,
    /// How many grants each of them had.
    pub pages: u32,
    /// How many maps.
    pub count: u64,
}

/// A call's result with the times around it.
pub struct Timed<T> {
    /// The kernel's answer.
    pub result: Result<T, Errno>,
    start_ns: u64,
    end_ns: u64,
}

impl<T> Timed<T> {
    /// Something else that happened within the same call, and went well.
    pub fn besides(&self) -> Timed<()> {
        Timed { result: Ok(()), start_ns: self.start_ns, end_ns: self.end_ns }
    }
}

/// Runs `call` with a reading of the clock on each side and nothing else in between.
#[inline(always)]
pub fn timed<T>(call: impl FnOnce() -> Result<T, Errno>) -> Timed<T> {
    let start_ns = monotonic_ns();
    let result = call();
    let end_ns = monotonic_ns();
    Timed { result, start_ns, end_ns }
}

thread_local! {
    /// Where the threads of a run are in different phases, or in different arms.
    static OF_THIS_THREAD: Cell<Option<(Phase, Option<u16>)>> = const { Cell::new(None) };
}

/// All calls of a run so far. Room is made beforehand, so that keeping the log costs the calls
/// nothing: it is touched between them only.
pub struct Log {
    calls: Mutex<Vec<Call>>,
    teardowns: Mutex<BTreeMap<(Buffer, u32), u64>>,
    phase: AtomicU8,
}

impl Log {
    /// A log with room for `expected` calls, already backed by memory.
    pub fn with_room_for(expected: usize) -> Self {
        let nothing = Call {
            subject: Subject::without_buffer(Op::Close),
            errno: None,
            phase: Phase::Setup,
            tid: 0,
            start_ns: 0,
            duration_ns: 0,
            why: None,
            arm: None,
        };
        let mut calls = vec![nothing; expected];
        calls.clear();
        Self { calls: Mutex::new(calls), teardowns: Mutex::default(), phase: AtomicU8::new(Phase::Setup as u8) }
    }

    /// Calls from now on belong to `phase`.
    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        marks::mark(phase);
    }

    /// Calls of this thread from now on belong to `phase` and `arm`, whatever those of other threads do.
    pub fn enter_alone(phase: Phase, arm: Option<u16>) {
        OF_THIS_THREAD.set(Some((phase, arm)));
        marks::mark(phase);
    }

    /// The phase and arm of this thread's calls.
    pub(crate) fn belonging(&self) -> (Phase, Option<u16>) {
        OF_THIS_THREAD.get().unwrap_or_else(|| (Phase::from_number(self.phase.load(Ordering::Relaxed)), None))
    }

    /// Takes over what another process has noted.
    pub fn absorb(&self, calls: Vec<Call>, teardowns: &[Teardowns]) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).extend(calls);
        let mut noted = self.teardowns.lock().unwrap_or_else(PoisonError::into_inner);
        for more in teardowns {
            *noted.entry((more.buffer, more.pages)).or_default() += more.count;
        }
    }

    /// Times `call`, notes it as `subject`, and gives its result back.
    ///
    /// # Errors
    /// That of the call.
    pub fn call<T>(&self, subject: Subject, call: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
        self.note(subject, timed(call))
    }

    /// Notes a call that was timed already: for calls whose subject depends on their outcome.
    ///
    /// # Errors
    /// That of the call.
    pub fn note<T>(&self, subject: Subject, timed: Timed<T>) -> Result<T, Errno> {
        let (phase, arm) = self.belonging();
        let call = Call {
            subject,
            errno: timed.result.as_ref().err().copied(),
            phase,
            tid: own_tid(),
            start_ns: timed.start_ns,
            duration_ns: timed.end_ns.saturating_sub(timed.start_ns),
            why: None,
            arm,
        };
        // A panic elsewhere must not lose what was measured.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        timed.result
    }

    /// Says why the last call of this thread ended as it did.
    pub fn explain(&self, why: Why) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(call) = calls.iter_mut().rev().find(|call| call.tid == own_tid()) {
            call.why = Some(why);
        }
    }

    /// Notes that nothing of ours holds these grants any more: from now on the kernel may unmap them.
    pub fn note_teardown(&self, buffer: Buffer, pages: usize) {
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        *self.teardowns.lock().unwrap_or_else(PoisonError::into_inner).entry((buffer, pages)).or_default() += 1;
    }

    /// All teardowns noted so far.
    pub fn teardowns(&self) -> Vec<Teardowns> {
        let noted = self.teardowns.lock().unwrap_or_else(PoisonError::into_inner);
        noted.iter().map(|(&(buffer, pages), &count)| Teardowns { buffer, pages, count }).collect()
    }

    /// A copy of everything noted so far, by starting time.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        calls.sort_by_key(|call| call.start_ns);
        calls
    }
}

/// The calling thread's id, asked for once per thread.
pub(crate) fn own_tid() -> u32 {
    thread_local! {
        static TID: u32 = nix::unistd::gettid().as_raw().unsigned_abs();
    }
    TID.with(|tid| *tid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_call_is_noted_with_its_errno_and_given_back() {
        let log = Log::with_room_for(4);
        log.enter(Phase::Run);
        let result = log.call(Subject::new(Op::Mmap, Buffer::Pages, 16), || Err::<(), _>(Errno::EINVAL));
        assert_eq!(result, Err(Errno::EINVAL));
        let calls = log.calls();
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].outcome(), "EINVAL");
        assert_eq!(calls[0].subject.pages, Some(16));
        assert_eq!(calls[0].phase, Phase::Run);
        assert_eq!(calls[0].tid, own_tid());
    }

    #[test]
    fn the_time_noted_is_the_time_the_call_took() {
        let log = Log::with_room_for(1);
        let before = monotonic_ns();
        let result = log.call(Subject::without_buffer(Op::Close), || {
            std::thread::sleep(std::time::Duration::from_millis(2));
            Ok(())
        });
        let after = monotonic_ns();
        assert_eq!(result, Ok(()));
        let call = log.calls()[0];
        assert!(call.start_ns >= before);
        assert!(call.duration_ns >= 2_000_000);
        assert!(call.start_ns + call.duration_ns <= after);
    }

    #[test]
    fn calls_of_other_threads_carry_their_own_thread_id() {
        let log = Log::with_room_for(2);
        let subject = Subject::without_buffer(Op::WaitReleased);
        std::thread::scope(|scope| {
            scope.spawn(|| log.call(subject, || Ok(())));
        });
        assert_eq!(log.call(subject, || Ok(())), Ok(()));
        let calls = log.calls();
        assert_ne!(calls[0].tid, calls[1].tid);
    }
}
