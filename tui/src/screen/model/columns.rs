//! The columns of the table, and how rows are sorted by one.

use std::cmp::Ordering;

use grantscope_analysis::report::metrics::METRICS;

use crate::screen::model::rows::Row;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// What was asked for; sorts by operation, buffer, pages and outcome.
    Operation,
    /// What backs the mapping.
    Buffer,
    /// How many grants.
    Pages,
    /// ok, or the errno's name.
    Outcome,
    /// How many operations.
    Count,
    /// Operations per second.
    Rate,
    /// A metric, by its place in `METRICS`.
    Metric(usize),
    /// Operations in each of the last 60 seconds.
    Minute,
}

/// The metric with this name in files.
pub const fn metric(name: &str) -> usize {
    let mut i = 0;
    while i < METRICS.len() {
        if equal(METRICS[i].name, name) {
            return i;
        }
        i += 1;
    }
    panic!("no metric of this name in METRICS");
}

const fn equal(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// Half are at most this.
pub const P50: usize = metric("p50_ns");

/// Columns that a table can be sorted by, in the order of the key that changes it.
pub const SORTABLE: [Column; 8] = [
    Column::Operation,
    Column::Count,
    Column::Rate,
    Column::Metric(P50),
    Column::Metric(metric("p90_ns")),
    Column::Metric(metric("p99_ns")),
    Column::Metric(metric("p999_ns")),
    Column::Metric(metric("max_ns")),
];

/// How the rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// By which column.
    pub column: Column,
    /// Against the column's usual direction (names upwards, numbers downwards).
    pub reversed: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { column: Column::Operation, reversed: false }
    }
}

impl Order {
    /// The next column.
    pub fn next(self) -> Self {
        let place = SORTABLE.iter().position(|&column| column == self.column).unwrap_or(0);
        Self { column: SORTABLE[(place + 1) % SORTABLE.len()], reversed: false }
    }

    /// The other way round.
    pub fn reverse(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// Whether the smallest stands first.
    pub fn is_ascending(self) -> bool {
        (self.column == Column::Operation) != self.reversed
    }

    /// Sorts; unknown values stand last in both directions, equal ones in the order of their groups.
    pub fn sort(self, rows: &mut [Row]) {
        rows.sort_by(|a, b| self.compare(a, b).then_with(|| a.group.cmp(&b.group)));
    }

    fn compare(self, a: &Row, b: &Row) -> Ordering {
        if self.column == Column::Operation {
            let order = a.group.cmp(&b.group);
            return if self.reversed { order.reverse() } else { order };
        }
        match (number(self.column, a), number(self.column, b)) {
            (Some(a), Some(b)) if self.is_ascending() => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}

fn number(column: Column, row: &Row) -> Option<f64> {
    match column {
        Column::Count => Some(row.count as f64),
        Column::Rate => row.rate,
        Column::Metric(index) => row.values[index],
        Column::Operation | Column::Buffer | Column::Pages | Column::Outcome | Column::Minute => None,
    }
}
