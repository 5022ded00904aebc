//! When iterations and their actions are due: plain functions of the clock.

use crate::script::Pace;

/// How far behind the multiple an action starts, in nanoseconds: the tick's own work is over.
const BEHIND_THE_TICK: u64 = 300_000;

/// When an action that could start `now` starts: always at the same distance from a tick, so that
/// it does not depend on chance how many ticks fall into a call.
pub fn start_after_pause(now_ns: u64, pause_ms: u32) -> u64 {
    let period = u64::from(pause_ms) * 1_000_000;
    match period {
        0 => now_ns,
        _ => (now_ns / period + 1) * period + BEHIND_THE_TICK.min(period / 2),
    }
}

/// The times at which the iterations of one thread are due, one after the other.
#[derive(Debug, Default)]
pub struct Pacer {
    next_ns: Option<u64>,
}

impl Pacer {
    /// When the next iteration is due, if it is `now_ns`. In an open loop that is a period after the one before was due, however
    /// long that took: what comes late because of it is charged with its delay. In a closed loop it is as soon as possible.
    pub fn next_due(&mut self, now_ns: u64, pace: Pace, pause_ms: u32) -> u64 {
        match pace {
            Pace::Closed => start_after_pause(now_ns, pause_ms),
            Pace::Open { period_ns } => {
                let due = self.next_ns.unwrap_or(now_ns);
                self.next_ns = Some(due + period_ns);
                due
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::truth::{Spread, Turn, loops};

    const MS: u64 = 1_000_000;
    const OPEN: Pace = Pace::Open { period_ns: 10 * MS };

    /// 200 iterations of 1 ms each on a clock that only they move, the 50th of which stalls for 100 ms.
    fn with_a_stall(pace: Pace) -> Vec<Turn> {
        let (mut now, mut pacer) = (0, Pacer::default());
        let turn = |number| {
            let due = pacer.next_due(now, pace, 0);
            let start = now.max(due);
            now = start + if number == 50 { 100 * MS } else { MS };
            Turn { worker: 0, arm: 0, due_ns: due, start_ns: start, end_ns: now }
        };
        (0..200).map(turn).collect()
    }

    /// The 99th percentile of the response time of an iteration.
    fn p99_ms(pace: Pace) -> u64 {
        let period = if let Pace::Open { period_ns } = pace { Some(period_ns) } else { None };
        let times = loops(&with_a_stall(pace), &[String::new()], |_, _| Some(("worker", period)));
        let Spread { p99, .. } = times[0].response_ns.unwrap_or(times[0].service_ns);
        p99 / MS
    }

    #[test]
    fn every_action_starts_at_the_same_distance_from_a_multiple_of_the_pause() {
        for now in [0, 1, 3_999_999, 4_000_000, 4_299_999, 4_300_001, 7_654_321] {
            let start = start_after_pause(now, 4);
            assert!(start > now && start - now <= 4_300_000, "{now}: {start}");
            assert_eq!(start % 4_000_000, 300_000);
        }
        assert_eq!(start_after_pause(1234, 0), 1234);
        assert!(start_after_pause(999_999, 1) > 999_999);
    }

    #[test]
    fn a_stall_shows_in_the_open_loop_and_is_hidden_by_the_closed_one() {
        assert_eq!(p99_ms(Pace::Closed), 1);
        assert!((80..=101).contains(&p99_ms(OPEN)), "{} ms", p99_ms(OPEN));
    }

    #[test]
    fn a_backlog_is_worked_off_and_then_the_rate_is_kept_again() {
        let turns = with_a_stall(OPEN);
        assert_eq!(turns[51].due_ns, 510 * MS);
        assert_eq!(turns[51].start_ns, 600 * MS);
        let last = turns[199];
        assert_eq!((last.due_ns, last.start_ns), (1990 * MS, 1990 * MS));
    }
}
