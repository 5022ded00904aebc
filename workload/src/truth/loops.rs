//! The times of iterations: how long each took, and how long it was delayed.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// One iteration of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Which worker, by its place in the scenario.
    pub worker: u16,
    /// Which arm, by its place in the header's list.
    pub arm: u16,
    /// CLOCK_MONOTONIC when it was due, in ns; in a closed loop when it began.
    pub due_ns: u64,
    /// When it began, in ns.
    pub start_ns: u64,
    /// When it was complete, in ns.
    pub end_ns: u64,
}

/// The times of one worker's iterations in one arm, warm-up left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoopTimes {
    /// The worker.
    pub worker: String,
    /// The arm; none: there is only one.
    pub arm: Option<String>,
    /// `closed`: the next iteration waits for the last, so that a stall delays the questions too and is counted once. `open`: each
    /// has its time, whatever became of the one before.
    pub pace: &'static str,
    /// The open loop's period, in ns.
    pub period_ns: Option<u64>,
    /// How many iterations.
    pub iterations: u64,
    /// From when an iteration began until it was done.
    pub service_ns: Spread,
    /// From when it was due until it was done. Closed loops have none: nothing is due there.
    pub response_ns: Option<Spread>,
    /// From when it was due until it began: the jitter of its start.
    pub delay_ns: Option<Spread>,
    /// How many iterations were not complete when the next one was due.
    pub missed: Option<u64>,
}

/// Durations, from a histogram with three significant digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// The median, in ns.
    pub p50: u64,
    /// 99 of 100 were not longer, in ns.
    pub p99: u64,
    /// The longest, in ns.
    pub max: u64,
}

/// The times of every worker in every arm that has any. `paced` gives a worker's name in an arm, and its period if its loop is
/// open.
pub fn loops<'a>(
    turns: &[Turn],
    arms: &[String],
    paced: impl Fn(usize, usize) -> Option<(&'a str, Option<u64>)>,
) -> Vec<LoopTimes> {
    let mut by_loop: BTreeMap<(u16, u16), Vec<&Turn>> = BTreeMap::new();
    for turn in turns {
        by_loop.entry((turn.worker, turn.arm)).or_default().push(turn);
    }
    let times = |((worker, arm), turns): ((u16, u16), Vec<&Turn>)| {
        let (name, period_ns) = paced(worker.into(), arm.into())?;
        let arm = arms.get(usize::from(arm)).filter(|arm| !arm.is_empty()).cloned();
        let open = period_ns.is_some();
        let spread_of = |duration: fn(&Turn) -> u64| spread(turns.iter().map(|turn| duration(turn)));
        let missed = period_ns.map(|period| turns.iter().filter(|turn| turn.end_ns - turn.due_ns > period).count() as u64);
        Some(LoopTimes {
            worker: name.to_owned(),
            arm,
            pace: if open { "open" } else { "closed" },
            period_ns,
            iterations: turns.len() as u64,
            service_ns: spread_of(|turn| turn.end_ns - turn.start_ns),
            response_ns: open.then(|| spread_of(|turn| turn.end_ns - turn.due_ns)),
            delay_ns: open.then(|| spread_of(|turn| turn.start_ns - turn.due_ns)),
            missed,
        })
    };
    by_loop.into_iter().filter_map(times).collect()
}

impl fmt::Display for LoopTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.worker)?;
        if let Some(arm) = &self.arm {
            write!(f, " [{arm}]")?;
        }
        match (self.period_ns, self.response_ns, self.delay_ns, self.missed) {
            (Some(period), Some(response), Some(delay), Some(missed)) => write!(
                f,
                ": open loop, one due every {}: {} iterations, {missed} not done when the next was due; \
                 response {response}; service {}; delay of the start {delay}",
                spell(period),
                self.iterations,
                self.service_ns
            ),
            _ => write!(f, ": closed loop: {} iterations; service {}", self.iterations, self.service_ns),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {}, p99 {}, max {}", spell(self.p50), spell(self.p99), spell(self.max))
    }
}

/// A duration for people.
fn spell(ns: u64) -> String {
    match ns {
        0..10_000 => format!("{ns} ns"),
        10_000..10_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        _ => format!("{:.1} ms", ns as f64 / 1e6),
    }
}

fn spread(durations: impl Iterator<Item = u64>) -> Spread {
    // Three digits as everywhere; it grows to whatever is put in.
    let mut histogram = Histogram::<u64>::new(3).expect("three digits are allowed");
    let mut max = 0;
    for ns in durations {
        max = max.max(ns);
        // It resizes itself, so only a duration of centuries is refused.
        let _ = histogram.record(ns);
    }
    let at = |quantile| histogram.value_at_quantile(quantile).min(max);
    Spread { p50: at(0.5), p99: at(0.99), max }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn turns(due_starts_ends: &[(u64, u64, u64)]) -> Vec<Turn> {
        let turn = |&(due, start, end)| Turn { worker: 0, arm: 0, due_ns: due * MS, start_ns: start * MS, end_ns: end * MS };
        due_starts_ends.iter().map(turn).collect()
    }

    #[test]
    fn a_stall_is_charged_to_everything_that_it_delayed() {
        // Every 10 ms for 1 ms; the second takes 25, so the third begins 15 late and the fourth 6 late.
        let turns = turns(&[(0, 0, 1), (10, 10, 35), (20, 35, 36), (30, 36, 37)]);
        let times = loops(&turns, &[String::new()], |_, _| Some(("display", Some(10 * MS))));
        let [times] = &times[..] else { panic!("one loop") };
        assert_eq!((times.pace, times.iterations, times.missed), ("open", 4, Some(2)));
        assert_eq!(times.service_ns.p50 / MS, 1);
        assert_eq!(times.response_ns.unwrap().p50 / MS, 7);
        assert_eq!(times.delay_ns.unwrap().max / MS, 15);
    }

    #[test]
    fn the_summary_reads_as_it_should() {
        let turns = turns(&[(0, 0, 1), (10, 10, 35), (20, 35, 36)]);
        let summary =
            |period: Option<u64>| loops(&turns, &["pages=16".into()], move |_, _| Some(("display", period)))[0].to_string();
        insta::assert_snapshot!(summary(Some(10 * MS)), @"display [pages=16]: open loop, one due every 10.0 ms: 3 iterations, 2 not done when the next was due; response p50 16.0 ms, p99 25.0 ms, max 25.0 ms; service p50 1000.4 µs, p99 25.0 ms, max 25.0 ms; delay of the start p50 0 ns, p99 15.0 ms, max 15.0 ms");
        insta::assert_snapshot!(summary(None), @"display [pages=16]: closed loop: 3 iterations; service p50 1000.4 µs, p99 25.0 ms, max 25.0 ms");
    }

    #[test]
    fn a_closed_loop_says_so_and_knows_of_nothing_that_was_due() {
        let turns = turns(&[(0, 0, 1), (1, 1, 2)]);
        let times = &loops(&turns, &["pages=16".into()], |_, _| Some(("churn", None)))[0];
        assert_eq!((times.pace, times.response_ns, times.delay_ns, times.missed), ("closed", None, None, None));
        assert_eq!(times.arm.as_deref(), Some("pages=16"));
    }
}
