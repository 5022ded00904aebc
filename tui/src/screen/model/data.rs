//! All that was read so far. The display shows this, or a copy of it while it is paused.

use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::aggregate::Aggregate;

use crate::screen::model::activity;
use crate::screen::model::activity::Activity;

/// What was read of the recording.
#[derive(Clone, Debug, Default)]
pub struct Data {
    /// Histograms, environment and loss.
    pub aggregate: Aggregate,
    /// What happened in the last minute.
    pub activity: Activity,
    /// Operations with an outcome that is not ok.
    pub errors: u64,
    /// The user asked to begin anew at this time of the recording.
    pub reset_at_ns: Option<u64>,
}

impl Data {
    /// Takes in one frame.
    pub fn add(&mut self, frame: &Frame) {
        self.aggregate.add(frame);
        if let Frame::Operations(operations) = frame {
            for operation in operations {
                self.activity.add(operation);
                self.errors += u64::from(operation.outcome != grantscope_analysis::model::Outcome::Ok);
            }
        }
    }

    /// Forgets all operations, but not where this was recorded, nor what was lost or left out.
    pub fn reset(&mut self) {
        let aggregate = self.aggregate.without_operations();
        *self = Self { reset_at_ns: self.now_ns(), aggregate, ..Self::default() };
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
