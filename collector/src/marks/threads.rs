//! Marks by thread: only so many, however many come.

use std::collections::{HashMap, VecDeque};

use grantscope_analysis::model::Phase;

/// As many threads are known at the most; who has said nothing for longest is forgotten.
const MOST_THREADS: usize = 1024;
/// As many marks of a thread are kept: an operation that ends long after it began, as a deferred teardown does, needs an old one.
const MOST_MARKS: usize = 256;

/// The last marks of each thread.
#[derive(Debug, Default)]
pub struct Threads(HashMap<u32, VecDeque<(u64, Phase)>>);

impl Threads {
    /// From then on, the thread is in this phase.
    pub fn mark(&mut self, tid: u32, at_ns: u64, phase: Phase) {
        if self.0.len() == MOST_THREADS && !self.0.contains_key(&tid) {
            let oldest = self.0.iter().min_by_key(|(_, marks)| marks.back().copied()).map(|(&tid, _)| tid);
            oldest.map(|tid| self.0.remove(&tid));
        }
        let marks = self.0.entry(tid).or_default();
        let place = marks.partition_point(|&(before_ns, _)| before_ns <= at_ns);
        marks.insert(place, (at_ns, phase));
        if marks.len() > MOST_MARKS {
            marks.pop_front();
        }
    }

    /// The phase that the thread was in at that time; `None`: it had said nothing, or that is forgotten.
    pub fn phase(&self, tid: u32, at_ns: u64) -> Option<Phase> {
        let marks = self.0.get(&tid)?;
        let after = marks.partition_point(|&(before_ns, _)| before_ns <= at_ns);
        marks.get(after.checked_sub(1)?).map(|&(_, phase)| phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_is_unknown() {
        let mut threads = Threads::default();
        for at_ns in 0..3 * MOST_MARKS as u64 {
            threads.mark(1, at_ns, Phase::WarmUp);
        }
        assert_eq!(threads.0[&1].len(), MOST_MARKS);
        assert_eq!([threads.phase(1, 5), threads.phase(1, 9_999)], [None, Some(Phase::WarmUp)]);
        for tid in 2..3 * MOST_THREADS as u32 {
            threads.mark(tid, 10_000 + u64::from(tid), Phase::Measured);
        }
        assert_eq!(threads.0.len(), MOST_THREADS);
        let newest = 3 * MOST_THREADS as u32 - 1;
        assert_eq!([threads.phase(1, 99_999), threads.phase(newest, 99_999)], [None, Some(Phase::Measured)]);
    }

    #[test]
    fn marks_may_come_in_any_order() {
        let mut threads = Threads::default();
        threads.mark(1, 20, Phase::Measured);
        threads.mark(1, 10, Phase::WarmUp);
        assert_eq!([15, 25].map(|at_ns| threads.phase(1, at_ns)), [Some(Phase::WarmUp), Some(Phase::Measured)]);
    }
}
