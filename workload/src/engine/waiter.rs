//! Releases a buffer while a thread already waits for it, in a guaranteed order.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::device::{DmaBuf, Released};
use crate::error::{Error, Result};
use crate::truth::{Log, own_tid};

/// Far longer than any release; the wait cannot be interrupted.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long the waiter may take to get into the kernel.
const LONGEST_START: Duration = Duration::from_secs(5);
/// Between two looks at it.
const PAUSE: Duration = Duration::from_micros(100);

/// Starts a thread that waits, sees it asleep in the kernel, releases the buffer, and checks that
/// the wait ended because of that. Its call belongs to the phase and the arm of the calling thread.
pub fn release_while_waited_for(log: &Log, buffer: DmaBuf<'_>) -> Result<()> {
    let watch = buffer.watch();
    let waiter_tid = AtomicU32::new(0);
    let (phase, arm) = log.belonging();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            yield_to_the_releasing_thread();
            Log::enter_alone(phase, arm);
            waiter_tid.store(own_tid(), Ordering::Release);
            watch.wait(LONGEST_WAIT)
        });
        let asleep = until_asleep(&waiter_tid);
        // Released in any case: the waiter sleeps until then, deaf to signals.
        let released = buffer.release();
        let waited = waiter.join().map_err(|_| wrong("panicked"))??;
        asleep?;
        released?;
        match waited {
            Released::WhileWaiting => Ok(()),
            Released::Before => Err(wrong("came too late: the buffer was already released")),
            Released::NotYet => Err(wrong("was not woken by the release")),
        }
    })
}

/// A batch thread does not preempt the thread that wakes it (`check_preempt_wakeup_fair` in
/// `kernel/sched/fair.c`), so on one CPU its own running is no part of the release's duration.
/// Where that is refused, only this nicety is lost.
fn yield_to_the_releasing_thread() {
    let parameter = libc::sched_param { sched_priority: 0 };
    // SAFETY: the parameter is valid for the call; 0 means the calling thread.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &parameter) };
}

/// Returns once the thread that stores its id in `tid` is in uninterruptible sleep: after storing
/// it, the only such place it comes to is the wait itself.
pub fn until_asleep(tid: &AtomicU32) -> Result<()> {
    let deadline = Instant::now() + LONGEST_START;
    while Instant::now() < deadline {
        let tid = tid.load(Ordering::Acquire);
        if tid != 0 {
            let stat = fs::read_to_string(format!("/proc/self/task/{tid}/stat"));
            match stat.as_deref().map(state) {
                Ok(Some('D')) => return Ok(()),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return Err(wrong("ended before the buffer was released")),
            }
        }
        thread::sleep(PAUSE);
    }
    Err(wrong("did not reach the kernel in time"))
}

/// The state in a line of `/proc/…/stat`: the letter after the name, which may itself contain
/// anything.
fn state(stat: &str) -> Option<char> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.trim_start().chars().next()
}

fn wrong(what: &str) -> Error {
    Error::Waiter { what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_read_behind_any_name() {
        assert_eq!(state("71 (grantscope-work) D 1 71"), Some('D'));
        assert_eq!(state("71 (a) S (b)) R 1 71"), Some('R'));
        assert_eq!(state(""), None);
    }

    #[test]
    fn a_thread_that_ended_is_not_taken_for_one_that_sleeps() {
        let tid = AtomicU32::new(0);
        thread::scope(|scope| scope.spawn(|| tid.store(own_tid(), Ordering::Release)).join()).unwrap();
        let error = until_asleep(&tid).unwrap_err().to_string();
        assert!(error.contains("ended before the buffer was released"), "{error}");
    }
}
