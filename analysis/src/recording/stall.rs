//! How long somebody is waited for who takes what is written: as long as he takes any of it.

use std::time::{Duration, Instant};

use super::Progress;

/// Since when nothing was taken.
#[derive(Clone, Copy, Debug)]
pub struct Stall {
    timeout: Duration,
    written_bytes: u64,
    since: Instant,
}

impl Stall {
    /// Nobody is given up before nothing more than this was taken for so long, from that moment on.
    pub fn new(progress: Progress, since: Instant, timeout: Duration) -> Self {
        Self { timeout, written_bytes: progress.written_bytes, since }
    }

    /// Whether nothing was taken for too long, as it is now: anything that was taken since the last look begins the time anew.
    pub fn is_over(&mut self, progress: Progress, now: Instant) -> bool {
        if progress.written_bytes > self.written_bytes {
            (self.written_bytes, self.since) = (progress.written_bytes, now);
        }
        now.saturating_duration_since(self.since) >= self.timeout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_any_of_it_is_waited_for_and_who_takes_nothing_is_given_up() {
        let progress = |written_bytes| Progress { waiting_bytes: 9, written_bytes };
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut stall = Stall::new(progress(100), began, Duration::from_secs(10));
        // What was written before does not count.
        assert!(!stall.is_over(progress(100), after(9)));
        assert!(!stall.is_over(progress(101), after(11)), "a byte was taken");
        assert!(!stall.is_over(progress(101), after(20)));
        assert!(stall.is_over(progress(101), after(21)));
        assert!(Stall::new(progress(100), began, Duration::from_secs(10)).is_over(progress(100), after(10)));
    }
}
