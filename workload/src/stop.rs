//! Ctrl-C and termination: noticed between calls, so that everything is undone and written down.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use grantscope_output::is_ignored;

use crate::error::{Error, Result};
use crate::truth::{monotonic_ns, sleep_until};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// The signals that ask to stop: but for a hangup that is ignored, as `nohup` has it.
fn signals() -> impl Iterator<Item = Signal> {
    let all = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
    all.into_iter().filter(|&signal| signal != Signal::SIGHUP || !is_ignored(signal as i32))
}

extern "C" fn note_request(_: libc::c_int) {
    REQUESTED.store(true, Ordering::Relaxed);
}

/// From now on, SIGINT, SIGTERM and SIGHUP only ask to stop.
///
/// # Errors
/// The kernel refuses the handler.
pub fn catch_signals() -> Result<()> {
    // Calls in progress go on: half an operation must not become an EINTR in the truth.
    let action = SigAction::new(SigHandler::Handler(note_request), SaFlags::SA_RESTART, SigSet::empty());
    for signal in signals() {
        // SAFETY: the handler only stores to an atomic, which is safe at any point.
        unsafe { sigaction(signal, &action) }.map_err(|errno| failed(signal.as_str(), errno))?;
    }
    Ok(())
}

/// An error once a signal has asked to stop.
///
/// # Errors
/// A signal has arrived.
pub fn check() -> Result<()> {
    if requested() { Err(Error::Interrupted) } else { Ok(()) }
}

/// Whether a signal has asked to stop.
pub fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// A signal wakes one thread only: the others look up so often while they sleep.
pub const LOOK_UP_NS: u64 = 100_000_000;

/// Sleeps until CLOCK_MONOTONIC shows `ns`, or until the run is to stop.
///
/// # Errors
/// A signal has arrived, or the run was given up.
pub fn sleep_unless(ns: u64, given_up: impl Fn() -> bool) -> Result<()> {
    loop {
        check()?;
        if given_up() {
            return Err(Error::Interrupted);
        }
        let now = monotonic_ns();
        if now >= ns {
            return Ok(());
        }
        sleep_until(ns.min(now + LOOK_UP_NS));
    }
}

/// The signals that end a frontend, held back so that none gets lost before it waits for them.
pub struct Held(SigSet);

impl Held {
    /// Holds them back in this thread, and in threads it starts.
    ///
    /// # Errors
    /// The kernel refuses the mask.
    pub fn back() -> Result<Self> {
        let signals: SigSet = signals().collect();
        signals.thread_block().map_err(|errno| failed("sigprocmask", errno))?;
        Ok(Self(signals))
    }

    /// Sleeps until one of them arrives, or until there is something to be read from `other`; whether it was a signal.
    ///
    /// # Errors
    /// The kernel refuses to wait.
    pub fn wait(&self, other: Option<BorrowedFd<'_>>) -> Result<bool> {
        let signals = SignalFd::with_flags(&self.0, SfdFlags::SFD_CLOEXEC).map_err(|errno| failed("signalfd", errno))?;
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut waiting: Vec<_> = [Some(signals.as_fd()), other].into_iter().flatten().map(readable).collect();
        while let Err(errno) = poll(&mut waiting, PollTimeout::NONE) {
            if errno != Errno::EINTR {
                return Err(failed("poll", errno));
            }
        }
        Ok(waiting[0].any() == Some(true))
    }
}

fn failed(on: &str, errno: Errno) -> Error {
    Error::Call { call: "signal handling", on: on.to_owned(), errno }
}
