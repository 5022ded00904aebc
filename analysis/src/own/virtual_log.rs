//! The log of an operation, with time that goes on only by a part of the costs.

use grantscope_wire::{Detail, Edge, Event, Op, Stage};

use super::time::{Own, OwnTime};
use crate::model::{Cost, Operation};
use crate::stages;

/// Picoseconds in a nanosecond.
const PS: u64 = 1_000;

/// What an operation passed, with the cost of each.
pub struct Passed {
    /// What it is.
    pub op: Op,
    /// Of the entry that it began with.
    pub begin: Cost,
    /// In their order.
    pub hooks: Vec<(Event, Cost)>,
    /// Of the return that it ended with.
    pub end: Cost,
}

/// The two parts of a crossing, in ps: up to its reading of the clock, and from there on.
type Parts = fn(&Cost) -> (i64, i64);

/// What it costs.
const COST: Parts = |cost| (cost.before_ps.into(), cost.after_ps.into());

/// How far off that may be. Which part of it is on which side is not known: half of it on each.
const ERROR: Parts = |cost| {
    let error = i64::from(cost.error_ps);
    (error / 2, error - error / 2)
};

/// Self times, in ps.
struct Folded {
    total: u64,
    stages: Vec<(Stage, u64)>,
}

impl Passed {
    /// The programs' own time. All of it is in the only stage, where the operation was recorded with no more than one.
    pub fn own(&self, operation: &Operation) -> Own {
        let (costs, errors) = (self.fold(COST), self.fold(ERROR));
        let total = OwnTime { ns: nanoseconds(costs.total), error_ns: error_ns(errors.total) };
        if let [all] = &operation.stages[..] {
            return Own { total, stages: vec![(all.stage, total)] };
        }
        // Rounded so that the stages add up to the whole.
        let mut so_far_ps = 0;
        let mut rounded = |ps| {
            let before = nanoseconds(so_far_ps);
            so_far_ps += ps;
            nanoseconds(so_far_ps) - before
        };
        // Both are of the same hooks, so that they have the same stages.
        let both = costs.stages.iter().zip(&errors.stages);
        let stage = |(&(stage, cost), &(_, error)): (&(Stage, u64), &(Stage, u64))| {
            (stage, OwnTime { ns: rounded(cost), error_ns: error_ns(error) })
        };
        Own { total, stages: both.map(stage).collect() }
    }

    fn fold(&self, parts: Parts) -> Folded {
        let mut clock = Clock::default();
        clock.spend(parts(&self.begin).1);
        let mut log = Vec::with_capacity(self.hooks.len());
        for (event, cost) in &self.hooks {
            let (before, after) = parts(cost);
            clock.spend(before);
            if event.edge() != Edge::Mark {
                clock.read();
            }
            log.push(Event::new(event.code_of(), clock.now_ps));
            clock.spend(after);
        }
        clock.spend(parts(&self.end).0);
        clock.read();
        // Where less is watched there is one stage, which has it all.
        let stages = stages::of(Detail::Stages, self.op, clock.now_ps, 0, &log).stages;
        Folded { total: clock.now_ps, stages: stages.iter().map(|span| (span.stage, span.self_ns)).collect() }
    }
}

/// A clock that costs move.
#[derive(Default)]
struct Clock {
    now_ps: u64,
    /// Since it was last read.
    gap_ps: i64,
}

impl Clock {
    fn spend(&mut self, ps: i64) {
        self.gap_ps += ps;
    }

    /// Of parts that are negative a sum can be too: running a program takes no less than no time.
    fn read(&mut self) {
        self.now_ps += u64::try_from(self.gap_ps).unwrap_or(0);
        self.gap_ps = 0;
    }
}

fn nanoseconds(ps: u64) -> u64 {
    (ps + PS / 2) / PS
}

/// An uncertainty is never rounded to none.
fn error_ns(ps: u64) -> u64 {
    ps.div_ceil(PS)
}
