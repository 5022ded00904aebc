//! The log folded into one line per series.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Buffer, Call, Op};

/// All calls that share operation, buffer, pages and outcome, in whatever phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Which operation.
    pub op: Op,
    /// On which kind of buffer.
    pub buffer: Option<Buffer>,
    /// Of how many pages.
    pub pages: Option<u32>,
    /// "ok", or the errno's name.
    pub outcome: String,
    /// How many calls.
    pub count: u64,
    /// The shortest duration, in ns.
    pub min_ns: u64,
    /// The median: the smallest duration that at least half of the calls did not exceed.
    pub p50_ns: u64,
    /// The longest duration, in ns.
    pub max_ns: u64,
    /// The sum of all durations, in ns.
    pub sum_ns: u64,
}

/// One total per series, in the order of operations, buffers and pages.
pub fn totals(calls: &[Call]) -> Vec<Total> {
    let mut series: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for call in calls {
        let subject = call.subject;
        let key = (subject.op, subject.buffer, subject.pages, call.outcome());
        series.entry(key).or_default().push(call.duration_ns);
    }
    series
        .into_iter()
        .map(|((op, buffer, pages, outcome), mut durations)| {
            durations.sort_unstable();
            Total {
                op,
                buffer,
                pages,
                outcome,
                count: durations.len() as u64,
                min_ns: durations[0],
                p50_ns: median(&durations),
                max_ns: durations[durations.len() - 1],
                sum_ns: durations.iter().sum(),
            }
        })
        .collect()
}

/// The nearest-rank median of a sorted, non-empty list.
fn median(sorted: &[u64]) -> u64 {
    sorted[(sorted.len() - 1) / 2]
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::super::{Phase, Subject};
    use super::*;

    fn call(op: Op, pages: usize, errno: Option<Errno>, duration_ns: u64) -> Call {
        let subject = Subject::new(op, Buffer::Pages, pages);
        Call { subject, errno, phase: Phase::Run, tid: 1, start_ns: 0, duration_ns, why: None, arm: None }
    }

    #[test]
    fn the_median_is_a_duration_that_occurred() {
        assert_eq!(median(&[7]), 7);
        assert_eq!(median(&[1, 9]), 1);
        assert_eq!(median(&[1, 5, 9]), 5);
        assert_eq!(median(&[1, 5, 6, 9]), 5);
    }

    #[test]
    fn series_are_kept_apart_by_pages_and_outcome() {
        let calls = [
            call(Op::Map, 1, None, 30),
            call(Op::Map, 16, None, 100),
            call(Op::Map, 1, Some(Errno::ENOMEM), 5),
            call(Op::Map, 1, None, 10),
        ];
        let folded = totals(&calls);
        let lines: Vec<_> =
            folded.iter().map(|t| (t.pages, t.outcome.as_str(), t.count, t.min_ns, t.p50_ns, t.max_ns, t.sum_ns)).collect();
        assert_eq!(
            lines,
            [(Some(1), "ENOMEM", 1, 5, 5, 5, 5), (Some(1), "ok", 2, 10, 10, 30, 40), (Some(16), "ok", 1, 100, 100, 100, 100),]
        );
    }
}
