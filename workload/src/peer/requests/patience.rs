//! How long a frontend is waited for: another domain may answer late, a little at a time, or never.

use std::time::{Duration, Instant};

/// How long it may take over all answers that one thing needs: longer than any import takes under emulation.
pub(super) const ANSWERS: Duration = Duration::from_secs(20);
/// How long over all answers together, once the run is to stop: it still has to release what was requested.
pub(super) const AFTER_STOP: Duration = Duration::from_secs(5);

/// What is left of the time that a frontend has.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// When the one who waits first saw that the run is to stop.
    stopping_since: Option<Instant>,
    has_ended: bool,
}

impl Patience {
    /// How long it has from `now` on, if that which it answers began then.
    pub fn left(&mut self, began: Instant, now: Instant, is_stopping: bool) -> Duration {
        if is_stopping {
            self.stopping_since.get_or_insert(now);
        }
        let after_stop = self.stopping_since.map(|since| since + AFTER_STOP);
        let deadline = after_stop.into_iter().fold(began + ANSWERS, Instant::min);
        let left = deadline.saturating_duration_since(now);
        self.has_ended |= left.is_zero();
        left
    }

    /// Whether there once was no time left: who does not answer one request is not waited for with each of the others.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn all_answers_of_one_thing_share_its_time() {
        let (mut patience, began) = (Patience::default(), Instant::now());
        assert_eq!(patience.left(began, began, false), ANSWERS);
        assert_eq!(patience.left(began, began + 15 * SECOND, false), 5 * SECOND);
        let later = began + 60 * SECOND;
        assert_eq!(patience.left(later, later, false), ANSWERS, "the next thing has its own");
        assert!(!patience.has_ended());
        assert_eq!(patience.left(began, later, false), Duration::ZERO);
        assert!(patience.has_ended());
    }

    #[test]
    fn after_a_stop_everything_shares_what_is_left() {
        let (mut patience, began) = (Patience::default(), Instant::now());
        assert_eq!(patience.left(began, began + SECOND, true), AFTER_STOP);
        let next = began + 4 * SECOND;
        assert_eq!(patience.left(next, next, true), 2 * SECOND);
        assert_eq!(patience.left(next, next + 3 * SECOND, true), Duration::ZERO);
        let (mut patience, nearly) = (Patience::default(), began + 18 * SECOND);
        assert_eq!(patience.left(began, nearly, true), 2 * SECOND, "a stop makes nothing longer");
    }
}
