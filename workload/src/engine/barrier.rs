//! What all threads of a run know of each other, in whatever processes they are: whether all have come to where their arm's turn
//! begins, and whether one of them has given up.
//!
//! It is in memory that forked processes share. A process that is killed leaves the barrier silently, so no waiter sleeps for long
//! without a check: the parent, which monitors the processes, gives up for it.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use nix::errno::Errno;

use crate::error::{Error, Result};
use crate::stop;

/// The shared memory.
#[derive(Debug, Default)]
struct Board {
    /// A worker has failed or was interrupted: all of them stop.
    given_up: AtomicBool,
    /// There is no other turn, because time is up.
    over: AtomicBool,
    /// How many have come to the barrier.
    here: AtomicU32,
    /// How often all arrived. Waiters sleep on this word.
    turn: AtomicU32,
}

/// The barrier at which all threads wait for each other before each turn. Made before the first fork.
pub struct Barrier {
    board: NonNull<Board>,
    members: u32,
}

// SAFETY: what it points to is accessed as a `&Board` only, all of whose fields are atomic.
unsafe impl Send for Barrier {}
// SAFETY: as above.
unsafe impl Sync for Barrier {}

impl Barrier {
    /// For this many threads of this process and of those that it will fork.
    pub fn of(members: usize) -> Result<Self> {
        // SAFETY: a new mapping at an address of the kernel's choosing disturbs nothing of ours.
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                size_of::<Board>(),
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        let board = NonNull::new(memory.cast::<Board>()).filter(|_| memory != libc::MAP_FAILED);
        let on = "memory that the run's processes share; free some".to_owned();
        let board = board.ok_or_else(|| Error::Call { call: "mmap", on, errno: Errno::last() })?;
        // SAFETY: the mapping is as large as a board, begins with a page, and no other reference to it exists yet.
        unsafe { board.write(Board::default()) };
        Ok(Self { board, members: u32::try_from(members).unwrap_or(u32::MAX) })
    }

    fn board(&self) -> &Board {
        // SAFETY: mapped and written by `of`, and mapped for as long as `self` is there.
        unsafe { self.board.as_ref() }
    }

    /// Whether a worker has given up.
    pub fn given_up(&self) -> bool {
        self.board().given_up.load(Ordering::Relaxed)
    }

    /// Makes all workers give up: none waits for one that failed.
    pub fn give_up(&self) {
        self.board().given_up.store(true, Ordering::Relaxed);
        wake_all(&self.board().turn);
    }

    /// Waits until all members are here; whether they go on. The last one to come decides that for all of them, by `go_on`.
    pub fn wait(&self, go_on: impl FnOnce() -> bool) -> bool {
        let Board { over, here, turn, .. } = self.board();
        if self.given_up() || over.load(Ordering::Relaxed) {
            return false;
        }
        // It cannot change before all are here, which includes this one.
        let this = turn.load(Ordering::Acquire);
        if here.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            if !go_on() {
                over.store(true, Ordering::Relaxed);
            }
            here.store(0, Ordering::Relaxed);
            turn.fetch_add(1, Ordering::Release);
            wake_all(turn);
        }
        while turn.load(Ordering::Acquire) == this {
            if self.given_up() || stop::requested() {
                return false;
            }
            sleep_while(turn, this);
        }
        !over.load(Ordering::Relaxed)
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        // SAFETY: the range is exactly what `of` mapped, and no reference to it is left. What other processes have of it
        // is theirs.
        unsafe { libc::munmap(self.board.as_ptr().cast(), size_of::<Board>()) };
    }
}

/// Sleeps while the word has this value, at most until it is time to look up. May also wake without a reason.
fn sleep_while(word: &AtomicU32, value: u32) {
    let look_up = libc::timespec { tv_sec: 0, tv_nsec: stop::LOOK_UP_NS as libc::c_long };
    // SAFETY: the word and the time outlive the call. Not FUTEX_PRIVATE_FLAG: other processes wake.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, value, &raw const look_up) };
}

fn wake_all(word: &AtomicU32) {
    // SAFETY: the word outlives the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, libc::c_int::MAX) };
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::thread;
    use std::time::{Duration, Instant};

    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};

    use super::*;

    #[test]
    fn nobody_goes_on_before_all_are_here() {
        const MEMBERS: usize = 4;
        let barrier = Barrier::of(MEMBERS).unwrap();
        let came = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..MEMBERS {
                scope.spawn(|| {
                    for turn in 0..1000 {
                        came.fetch_add(1, Ordering::SeqCst);
                        assert!(barrier.wait(|| true));
                        // Those of this turn, and at most one more of each of the others.
                        let came = came.load(Ordering::SeqCst);
                        assert!((MEMBERS * (turn + 1)..MEMBERS * (turn + 2)).contains(&came), "{came} in turn {turn}");
                    }
                });
            }
        });
    }

    #[test]
    fn a_forked_process_is_waited_for_and_wakes_the_others() {
        const MS: u64 = 50;
        let barrier = Barrier::of(2).unwrap();
        // Before the fork: on a busy machine the child may run long before this process does.
        let began = Instant::now();
        // SAFETY: the child makes system calls and accesses shared memory, nothing else.
        let ForkResult::Parent { child } = (unsafe { fork() }).unwrap() else {
            thread::sleep(Duration::from_millis(MS));
            let met = (0..1000).all(|_| barrier.wait(|| true));
            // SAFETY: ends the process without the test harness noticing.
            unsafe { libc::_exit(i32::from(!met)) }
        };
        assert!(barrier.wait(|| true));
        assert!(began.elapsed() >= Duration::from_millis(MS), "{:?}", began.elapsed());
        assert!((1..1000).all(|_| barrier.wait(|| true)));
        assert_eq!(waitpid(child, None), Ok(WaitStatus::Exited(child, 0)));
    }

    #[test]
    fn who_gives_up_frees_those_who_wait_and_nobody_goes_on_after_that() {
        let barrier = Barrier::of(3).unwrap();
        thread::scope(|scope| {
            let waiting = [(); 2].map(|()| scope.spawn(|| barrier.wait(|| true)));
            thread::sleep(Duration::from_millis(20));
            barrier.give_up();
            assert_eq!(waiting.map(|waiting| waiting.join().unwrap()), [false; 2]);
        });
        assert!(!barrier.wait(|| true) && barrier.given_up());
    }

    #[test]
    fn the_last_to_come_decides_for_all_and_for_good() {
        let barrier = Barrier::of(2).unwrap();
        let asked = AtomicUsize::new(0);
        let no = || {
            asked.fetch_add(1, Ordering::Relaxed);
            false
        };
        let both = thread::scope(|scope| [(); 2].map(|()| scope.spawn(|| barrier.wait(no))).map(|one| one.join().unwrap()));
        assert_eq!(both, [false; 2]);
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert!(!barrier.wait(|| true) && !barrier.given_up());
    }
}
