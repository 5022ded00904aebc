//! Runs as they are judged: what was recorded, and under which circumstances, whether it is known from a recording or from a CSV of one.

mod arm;
mod by;
pub mod csv;
mod facts;

use std::borrow::Cow;
use std::collections::BTreeMap;

use grantscope_wire::Op;
use internment::Intern;

pub use arm::{Arm, Way};
pub use by::{By, RunGroup};
pub use facts::{Fact, Facts};

use crate::series::{Aggregate, Series, SeriesKey};
use crate::shown::escaped;

/// One run.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// Under which circumstances it was recorded.
    pub facts: Facts,
    /// What somebody called it besides, when runs were merged.
    pub tags: BTreeMap<String, String>,
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
        let name = aggregate.environment().map(|environment| environment.run.as_str()).unwrap_or_default();
        let mut series: BTreeMap<SeriesKey, Series> = BTreeMap::new();
        for (key, of_key) in aggregate.series() {
            series.entry(on_one_line(*key)).and_modify(|known| known.merge(of_key)).or_insert_with(|| of_key.clone());
        }
        Self {
            name: escaped(name).into_owned(),
            facts: Facts::of(aggregate),
            tags: BTreeMap::new(),
            series,
            lost: lost.collect(),
            without_row: aggregate.unkept().left_out,
        }
    }
}

/// As files have it: a run that is known from one is compared with a run that is known from a recording.
fn on_one_line(key: SeriesKey) -> SeriesKey {
    let escaped = |caller: Intern<str>| match escaped(&caller) {
        Cow::Borrowed(_) => caller,
        Cow::Owned(text) => Intern::from(text.as_str()),
    };
    SeriesKey { caller: key.caller.map(escaped), ..key }
}
