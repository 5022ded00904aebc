//! What can be compared so far, and what cannot.

use grantscope_analysis::compare::{Row, rows};
use grantscope_analysis::model::Outcome;
use grantscope_analysis::report::column::METRICS;

use crate::screen::model::data::Data;

/// What can be compared, and what cannot.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Operations that were seen with several kinds: successful ones only, because a failure takes another way through the kernel.
    pub rows: Vec<Row>,
    /// Names of operations that were seen with one kind only.
    pub alone: Vec<String>,
}

/// The comparison, by one metric of `METRICS`.
pub fn compare(data: &Data, merged_pages: bool, metric: usize) -> Comparison {
    let succeeded = rows(&data.aggregate, merged_pages, &METRICS[metric]).into_iter();
    let succeeded = succeeded.filter(|row| row.subject.outcome == Outcome::Ok);
    let (rows, alone): (Vec<_>, Vec<_>) = succeeded.partition(|row| row.kinds() > 1);
    let names: Vec<_> = rows.iter().map(|row| row.subject.name()).collect();
    let mut alone: Vec<_> = alone.into_iter().map(|row| row.subject.name()).collect();
    alone.dedup();
    alone.retain(|name| !names.contains(name));
    Comparison { rows, alone }
}
