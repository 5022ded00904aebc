//! What one side has of a series: the operations of all its runs together, and each run's.

use super::ranks::Ranks;
use crate::series::Series;

/// One side.
#[derive(Clone, Debug)]
pub struct Sample<'a> {
    runs: Vec<&'a Series>,
    /// All operations.
    pub all: Series,
    /// The same in order.
    pub ranks: Ranks,
}

impl<'a> Sample<'a> {
    /// Of these runs' series.
    pub fn of(runs: Vec<&'a Series>) -> Self {
        let all = Series::together(runs.iter().copied());
        Self { ranks: Ranks::of(all.buckets()), all, runs }
    }

    /// A quantile of all operations.
    pub fn quantile_ns(&self, quantile: f64) -> u64 {
        self.all.buckets().quantile(quantile)
    }

    /// The same quantile of each run.
    pub fn quantiles_of_runs_ns(&self, quantile: f64) -> Vec<u64> {
        self.runs.iter().map(|run| run.buckets().quantile(quantile)).collect()
    }
}
