//! How much happens when: operations in each of the last 60 seconds of the recording's own clock, per series.

use std::collections::BTreeMap;

use grantscope_wire::Stage;

use super::SeriesKey;
use crate::model::Operation;

/// Seconds that are remembered.
pub const SECONDS: usize = 60;
/// Seconds over which a rate is taken: long enough to be calm, short enough to follow.
pub const RATE_SECONDS: u64 = 10;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// What the histograms of an `Aggregate` do not contain.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    pulses: BTreeMap<SeriesKey, Pulse>,
}

impl Activity {
    /// Takes in one operation, of the series with this key.
    pub fn add(&mut self, key: SeriesKey, operation: &Operation) {
        let pulse = self.pulses.entry(key).or_default();
        pulse.count(operation.start_ns.saturating_add(operation.duration_ns));
        for span in &operation.stages {
            *pulse.stage_calls.entry(span.stage).or_default() += u64::from(span.calls);
        }
    }

    /// All operations in each of the last `SECONDS` seconds up to `now_ns`, oldest first.
    pub fn last_minute(&self, now_ns: u64) -> [u64; SECONDS] {
        sum(self.pulses.values().map(|pulse| pulse.last_minute(now_ns)))
    }

    /// What is known about a series; `None`: nothing happened.
    pub fn pulse(&self, key: &SeriesKey) -> Option<&Pulse> {
        self.pulses.get(key)
    }
}

/// The last minute of one series, and how often its stages were entered.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// Operations per second; second `s` is at index `s % SECONDS`.
    seconds: [u32; SECONDS],
    /// The latest second with an operation.
    latest: u64,
    stage_calls: BTreeMap<Stage, u64>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { seconds: [0; SECONDS], latest: 0, stage_calls: BTreeMap::new() }
    }
}

impl Pulse {
    fn count(&mut self, at_ns: u64) {
        let second = at_ns / NS_PER_SECOND;
        // Records come nearly in order of time; one that is more than a minute late has left the window.
        if second + SECONDS as u64 <= self.latest {
            return;
        }
        for passed in (self.latest + 1..=second).take(SECONDS) {
            self.seconds[index(passed)] = 0;
        }
        if second >= self.latest + SECONDS as u64 {
            self.seconds = [0; SECONDS];
        }
        self.latest = self.latest.max(second);
        self.seconds[index(second)] += 1;
    }

    /// Operations in that second.
    fn in_second(&self, second: u64) -> u64 {
        let remembered = second <= self.latest && second + SECONDS as u64 > self.latest;
        if remembered { u64::from(self.seconds[index(second)]) } else { 0 }
    }

    /// Operations in each of the last `SECONDS` seconds up to `now_ns`, oldest first.
    pub fn last_minute(&self, now_ns: u64) -> [u64; SECONDS] {
        let now = now_ns / NS_PER_SECOND;
        std::array::from_fn(|i| (now + 1 + i as u64).checked_sub(SECONDS as u64).map_or(0, |second| self.in_second(second)))
    }

    /// How often a stage was entered.
    pub fn calls(&self, stage: Stage) -> u64 {
        self.stage_calls.get(&stage).copied().unwrap_or(0)
    }
}

/// Minutes added second by second.
pub fn sum(minutes: impl Iterator<Item = [u64; SECONDS]>) -> [u64; SECONDS] {
    minutes.fold([0; SECONDS], |sum, minute| std::array::from_fn(|i| sum[i] + minute[i]))
}

fn index(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

/// Operations per second at the end of a minute's counts; `None`: too little time has passed.
///
/// `began_ns` is when the recording began: a rate is never taken over time that was not watched.
pub fn rate(minute: &[u64; SECONDS], began_ns: u64, now_ns: u64) -> Option<f64> {
    let first_second = (now_ns / NS_PER_SECOND + 1).saturating_sub(RATE_SECONDS);
    let from_ns = began_ns.max(first_second * NS_PER_SECOND);
    let operations: u64 = minute[SECONDS - RATE_SECONDS as usize..].iter().sum();
    per_second(operations, now_ns.saturating_sub(from_ns))
}

/// Below this, a count divided by a time says nothing.
const SHORTEST_NS: u64 = NS_PER_SECOND / 10;

/// Operations divided by time; `None`: the time is too short.
pub fn per_second(operations: u64, time_ns: u64) -> Option<f64> {
    (time_ns >= SHORTEST_NS).then(|| operations as f64 * NS_PER_SECOND as f64 / time_ns as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = NS_PER_SECOND;

    fn pulse(times_ns: &[u64]) -> Pulse {
        let mut pulse = Pulse::default();
        times_ns.iter().for_each(|&at_ns| pulse.count(at_ns));
        pulse
    }

    #[test]
    fn operations_are_counted_in_the_second_in_which_they_end() {
        let minute = pulse(&[100 * S, 100 * S + 1, 101 * S]).last_minute(102 * S);
        assert_eq!(minute[SECONDS - 4..], [0, 2, 1, 0]);
    }

    #[test]
    fn seconds_older_than_a_minute_are_forgotten() {
        assert_eq!(pulse(&[100 * S]).last_minute(159 * S).iter().sum::<u64>(), 1);
        assert_eq!(pulse(&[100 * S]).last_minute(160 * S).iter().sum::<u64>(), 0);
        assert_eq!(pulse(&[100 * S, 160 * S]).last_minute(160 * S).iter().sum::<u64>(), 1);
        assert_eq!(pulse(&[100 * S, 1_000 * S]).last_minute(1_000 * S).iter().sum::<u64>(), 1);
    }

    #[test]
    fn a_record_that_comes_late_still_counts_in_its_own_second() {
        let minute = pulse(&[101 * S, 100 * S, 20 * S]).last_minute(101 * S);
        assert_eq!(minute.iter().sum::<u64>(), 2);
        assert_eq!(minute[SECONDS - 2..], [1, 1]);
    }

    #[test]
    fn the_rate_is_over_ten_seconds_of_the_recordings_clock() {
        let times: Vec<_> = (0..100).map(|i| 50 * S + i * S / 5).collect();
        let minute = pulse(&times).last_minute(70 * S);
        // Seconds 61 to 69 hold 5 each; second 70 has only begun.
        assert_eq!(rate(&minute, 0, 70 * S), Some(5.0));
    }

    #[test]
    fn the_rate_is_not_diluted_by_time_before_the_recording() {
        let minute = pulse(&[100 * S + S / 4, 100 * S + S / 2]).last_minute(100 * S + S / 2);
        assert_eq!(rate(&minute, 100 * S, 100 * S + S / 2), Some(4.0));
    }

    #[test]
    fn there_is_no_rate_over_a_time_too_short() {
        let minute = pulse(&[100 * S + 1]).last_minute(100 * S + 1);
        assert_eq!(rate(&minute, 100 * S, 100 * S + 1), None);
    }
}
