//! The stages of one row in all kinds: where the difference comes from.

use grantscope_wire::Stage;

use super::{Cell, PerKind, Row};
use crate::series::{Aggregate, merged};

/// One stage in all kinds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageMeans {
    /// Which.
    pub stage: Stage,
    /// Mean self time per operation of each kind; `None`: never entered. A kind's means add up to that of the whole operation.
    pub means_ns: PerKind<Option<f64>>,
}

/// The stages of one row, the most expensive first. None of a row of several page counts: a kind of which more small buffers were recorded
/// would look cheaper.
pub fn stages(recording: &Aggregate, row: &Row) -> Vec<StageMeans> {
    if row.is_mixture() {
        return Vec::new();
    }
    let of_cell = |cell: &Option<Cell>, stage| cell.as_ref().and_then(|cell| mean(recording, cell, stage));
    let all =
        Stage::ALL.iter().map(|&stage| StageMeans { stage, means_ns: row.cells.each_ref().map(|cell| of_cell(cell, stage)) });
    let mut stages: Vec<_> = all.filter(|stage| stage.means_ns.iter().any(Option::is_some)).collect();
    let most = |stage: &StageMeans| stage.means_ns.iter().flatten().copied().fold(0.0, f64::max);
    stages.sort_by(|a, b| most(b).total_cmp(&most(a)));
    stages
}

fn mean(recording: &Aggregate, cell: &Cell, stage: Stage) -> Option<f64> {
    let series = merged(recording, &cell.members, Some(stage));
    (series.count() > 0).then(|| series.sum_ns() as f64 / cell.series.count() as f64)
}
