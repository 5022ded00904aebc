//! A wait for a buffer's release during which its importer detaches: a back end that waits until the display shows another frame.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use crate::device::{Attachment, ReleaseWatch, Released};
use crate::error::Result;
use crate::stop;
use crate::truth::{Log, monotonic_ns, own_tid};

use super::scheduler::panicked;
use super::waiter::until_asleep;

/// How long to wait, and when in it the importer detaches.
pub struct Wait {
    /// The timeout.
    pub limit: Duration,
    /// The delay after the start of the wait.
    pub detach_after: Duration,
}

/// Waits in this thread. Another one, which begins when it sees this one asleep in the kernel, has the importer detach; at once if
/// the run is to stop, because no signal ends such a wait.
pub fn wait_while_detaching(
    log: &Log,
    watch: &ReleaseWatch<'_>,
    attachment: Attachment<'_>,
    wait: &Wait,
    given_up: impl Fn() -> bool + Sync,
) -> Result<Released> {
    let waiting = AtomicU32::new(0);
    let (phase, arm) = log.belonging();
    thread::scope(|scope| {
        let importer = scope.spawn(|| {
            Log::enter_alone(phase, arm);
            let asleep = until_asleep(&waiting);
            let slept = stop::sleep_unless(monotonic_ns() + wait.detach_after.as_nanos() as u64, &given_up);
            attachment.detach().and(slept).and(asleep)
        });
        waiting.store(own_tid(), Ordering::Release);
        let waited = watch.wait(wait.limit);
        importer.join().unwrap_or_else(|_| Err(panicked())).and(waited)
    })
}
