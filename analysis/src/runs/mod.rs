//! Runs as they are judged: what was recorded, and under which circumstances, whether it is known from a recording or from a CSV of one.

mod arm;
pub mod csv;
mod facts;

use std::collections::BTreeMap;

use grantscope_wire::Op;

pub use arm::{Arm, Way};
pub use facts::{Fact, Facts};

use crate::series::{Aggregate, Series, SeriesKey};

/// One run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// Under which circumstances it was recorded.
    pub facts: Facts,
    /// All series, stages too.
    pub series: BTreeMap<SeriesKey, Series>,
    /// Operations that were lost, by kind. Those that lost none are not in it.
    pub lost: BTreeMap<Op, u64>,
    /// Operations that are in no series, because there were too many.
    pub without_row: u64,
}

impl From<&Aggregate> for Run {
    fn from(aggregate: &Aggregate) -> Self {
        let lost = Op::ALL.iter().map(|&op| (op, aggregate.lost(op))).filter(|&(_, lost)| lost > 0);
        Self {
            name: aggregate.environment().map(|environment| environment.run.clone()).unwrap_or_default(),
            facts: Facts::of(aggregate),
            series: aggregate.series().map(|(key, series)| (*key, series.clone())).collect(),
            lost: lost.collect(),
            without_row: aggregate.unkept().left_out,
        }
    }
}
