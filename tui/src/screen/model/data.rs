//! All that was read so far. The display shows this, or a copy of it while it is paused.

use std::mem;

use grantscope_analysis::column::{METRICS, place};
use grantscope_analysis::compare;
use grantscope_analysis::history::History;
use grantscope_analysis::quantile::P50;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::{Aggregate, Group, Times, Wanted};

use grantscope_analysis::series::activity;
use grantscope_analysis::series::activity::Activity;

use crate::screen::model::passed::Passed;

/// What was read of the recording.
#[derive(Clone, Debug)]
pub struct Data {
    /// Histograms, environment and loss.
    pub aggregate: Aggregate,
    /// The same of the times that are not shown: as they were measured where corrected ones are, or the other way round.
    other: Aggregate,
    /// What happened in the last minute.
    pub activity: Activity,
    /// How often operations of all phases passed each hook.
    pub passed: Passed,
    /// What happened when, in [`Data::history_times`]. A copy shares its slices.
    pub history: History,
    history_times: Times,
    /// Text has no past: whoever records beside it needs the memory.
    keeps_past: bool,
    /// Operations that failed, of all phases.
    pub errors: u64,
    /// The user asked to begin anew at this time of the recording.
    pub reset_at_ns: Option<u64>,
}

impl Data {
    /// Nothing read yet; this is shown.
    pub fn of(wanted: Wanted) -> Self {
        let times = if wanted.times == Times::Raw { Times::Corrected } else { Times::Raw };
        let (aggregate, other) = (Aggregate::of(wanted), Aggregate::of(Wanted { times, ..wanted }));
        let (activity, passed, history) = (Activity::default(), Passed::default(), History::default());
        Self {
            aggregate,
            other,
            activity,
            passed,
            history,
            history_times: wanted.times,
            keeps_past: true,
            errors: 0,
            reset_at_ns: None,
        }
    }

    /// The same, of which no past is kept.
    pub fn without_past(self) -> Self {
        Self { keeps_past: false, ..self }
    }

    /// Takes in one frame.
    pub fn add(&mut self, frame: &Frame) {
        self.aggregate.add(frame);
        self.other.add(frame);
        // Its times stay those that were wanted first: of two sorts it would be no picture.
        let beside = if self.aggregate.times() == self.history_times { &self.aggregate } else { &self.other };
        if self.keeps_past {
            self.history.add(frame, beside);
        }
        if let Frame::Operations(operations) = frame {
            for operation in operations {
                let is_wanted = self.aggregate.wanted().phases.include(operation.phase);
                if let Some(key) = self.aggregate.key_of(operation).filter(|_| is_wanted) {
                    self.activity.add(key, operation);
                }
                self.passed.add(operation);
                self.errors += u64::from(operation.is_failure());
            }
        }
    }

    /// Forgets all operations, but not where this was recorded, nor what was lost or left out.
    pub fn reset(&mut self) {
        let [aggregate, other] = [&self.aggregate, &self.other].map(Aggregate::without_operations);
        let (activity, passed, history) = (Activity::default(), Passed::default(), self.history.without_operations());
        let (history_times, keeps_past, reset_at_ns) = (self.history_times, self.keeps_past, self.now_ns());
        *self = Self { aggregate, other, activity, passed, history, history_times, keeps_past, errors: 0, reset_at_ns };
    }

    /// Shows the other times.
    pub fn show_other_times(&mut self) {
        mem::swap(&mut self.aggregate, &mut self.other);
    }

    /// What was read in these times, whichever are shown.
    pub fn in_times(&self, times: Times) -> &Aggregate {
        if self.aggregate.wanted().times == times { &self.aggregate } else { &self.other }
    }

    /// A row with the other kinds of buffer beside it; `None`: there is no other kind.
    pub fn beside_other_kinds(&self, group: &Group) -> Option<compare::Row> {
        let metric = &METRICS[place(METRICS, P50.column)];
        compare::row_of(&self.aggregate, group, metric).filter(|row| row.kinds() > 1)
    }

    /// What is known of the probes' own time, whichever times are shown.
    pub fn corrected(&self) -> &Aggregate {
        if self.aggregate.times() == Times::Raw { &self.other } else { &self.aggregate }
    }

    /// The times that the history has, whichever are shown.
    pub fn history_times(&self) -> Times {
        self.history_times
    }

    /// When watching began: the recording, or the last reset.
    pub fn began_ns(&self) -> Option<u64> {
        self.reset_at_ns.or_else(|| self.aggregate.span_ns().map(|(first, _)| first))
    }

    /// The recording's present.
    pub fn now_ns(&self) -> Option<u64> {
        self.aggregate.span_ns().map(|(_, last)| last)
    }

    /// How long the recording has been watched, by its own clock.
    pub fn watched_ns(&self) -> Option<u64> {
        Some(self.now_ns()?.saturating_sub(self.began_ns()?))
    }

    /// Operations per second over all that was watched; `None`: too short to say.
    pub fn mean_rate(&self, operations: u64) -> Option<f64> {
        activity::per_second(operations, self.watched_ns()?)
    }
}
