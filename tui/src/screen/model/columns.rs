//! The columns of the table, and how rows are sorted by one. What they are is in the table of columns of the analysis.

use std::cmp::Ordering;

use grantscope_analysis::column::{Align, COLUMNS, METRICS, place};

use crate::screen::model::rows::Row;
use crate::screen::model::sizes::Sizes;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// One that files have too, by its place in `COLUMNS`.
    Of(usize),
    /// The median of each size, divided by the pages.
    PerPage,
    /// Operations per second.
    Rate,
    /// Operations in each of the last 60 seconds.
    Minute,
}

/// A column of the table on the screen.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Which.
    pub column: Column,
    /// Its usual width, in characters.
    pub width: usize,
    /// In the order of this number columns get room; those below `ALWAYS` in any case.
    pub rank: usize,
    /// Whether rows can be sorted by it.
    pub sorts: bool,
}

/// Ranks of columns that are shown however narrow the terminal is.
pub const ALWAYS: usize = 6;

/// The operation and its caller; sorts by operation, buffer, pages and outcome.
pub const OPERATION: Column = of("op");
/// What backs the mapping.
pub const BUFFER: Column = of("buffer");
/// How many grant references.
pub const PAGES: Column = of("pages");
/// How many operations.
pub const COUNT: Column = of("count");
/// All the time of all its operations together.
const TOTAL: Column = of("sum_ns");
/// Half of the operations take at most this.
const P50: Column = of("p50_ns");
/// ok, or the errno's name.
pub const OUTCOME: Column = of("outcome");

/// The columns of the table, from left to right.
#[rustfmt::skip]
pub const SHOWN: [Shown; 14] = [
    Shown { column: OPERATION, width: 14, rank: 0, sorts: true },
    Shown { column: BUFFER, width: 8, rank: 1, sorts: false },
    Shown { column: PAGES, width: 5, rank: 2, sorts: false },
    Shown { column: OUTCOME, width: 7, rank: 3, sorts: false },
    Shown { column: COUNT, width: 8, rank: 4, sorts: true },
    Shown { column: Column::Rate, width: 9, rank: 8, sorts: true },
    Shown { column: TOTAL, width: 8, rank: 11, sorts: true },
    Shown { column: Column::PerPage, width: 13, rank: 13, sorts: true },
    Shown { column: P50, width: 8, rank: 5, sorts: true },
    Shown { column: of("p90_ns"), width: 8, rank: 9, sorts: true },
    Shown { column: of("p99_ns"), width: 8, rank: 6, sorts: true },
    Shown { column: of("p999_ns"), width: 8, rank: 10, sorts: true },
    Shown { column: of("max_ns"), width: 7, rank: 7, sorts: true },
    Shown { column: Column::Minute, width: 60, rank: 12, sorts: false },
];

/// The columns with the order in which they get room. Where a row is of several sizes, what a page costs is all that is said of it:
/// it changes places with the page count if that is `all` in each row, else with the median, which is not known there.
pub fn shown(sizes: Sizes) -> Vec<Shown> {
    let rank = |column| SHOWN.iter().find(|shown| shown.column == column).map_or(0, |shown| shown.rank);
    let gives_way = match sizes {
        Sizes::Apart => Column::PerPage,
        Sizes::Together => PAGES,
        Sizes::Both => P50,
    };
    let change = |shown: &Shown| match shown.column {
        Column::PerPage => Shown { rank: rank(gives_way), ..*shown },
        column if column == gives_way => Shown { rank: rank(Column::PerPage), ..*shown },
        _ => *shown,
    };
    SHOWN.iter().map(change).collect()
}

/// With fewer columns than this, a row is what it is about and one number.
pub const NARROW: usize = 60;

/// The same for a terminal that is so narrow: the number that rows are sorted by, where that is one, else the median, or what a page
/// costs; then the rest as far as there is room.
pub fn shown_narrow(sizes: Sizes, sorted_by: Column) -> Vec<Shown> {
    let usual = if sizes == Sizes::Apart { P50 } else { Column::PerPage };
    let number = if sorted_by == OPERATION { usual } else { sorted_by };
    let about: &[Column] = if sizes == Sizes::Together { &[OPERATION, BUFFER] } else { &[OPERATION, BUFFER, PAGES] };
    let rank = |shown: &Shown| match about.iter().chain([&number]).position(|&column| column == shown.column) {
        Some(place) => place,
        None => shown.rank + SHOWN.len(),
    };
    let mut all: Vec<_> = shown(sizes).into_iter().map(|shown| Shown { rank: rank(&shown), ..shown }).collect();
    all.sort_by_key(|shown| shown.rank);
    all.into_iter().enumerate().map(|(rank, shown)| Shown { rank, ..shown }).collect()
}

/// How many columns of these are shown in any case.
pub fn always_narrow(sizes: Sizes) -> usize {
    if sizes == Sizes::Together { 3 } else { 4 }
}

/// The column with this name in files.
pub const fn of(name: &str) -> Column {
    Column::Of(place(COLUMNS, name))
}

/// Columns that rows can be sorted by, in the order of the key that changes it.
fn sortable() -> Vec<Column> {
    SHOWN.iter().filter(|shown| shown.sorts).map(|shown| shown.column).collect()
}

/// Metrics that kinds can be compared by, by their places in `COLUMNS`: those that rows can be sorted by, but for the sum, which says
/// how many operations there were as well.
pub fn comparable() -> Vec<usize> {
    let is_metric = |place: &usize| METRICS.iter().any(|metric| metric.name == COLUMNS[*place].name);
    let places = sortable()
        .into_iter()
        .filter(|&column| column != TOTAL)
        .filter_map(|column| if let Column::Of(place) = column { Some(place) } else { None });
    places.filter(is_metric).collect()
}

impl Column {
    /// Words stand to the left, numbers to the right.
    pub fn align(self) -> Align {
        match self {
            Self::Of(place) => COLUMNS[place].align,
            Self::PerPage | Self::Rate => Align::Right,
            Self::Minute => Align::Left,
        }
    }

    /// The value as a number; `None`: it is none, or not known.
    pub fn number(self, row: &Row) -> Option<f64> {
        match self {
            Self::Of(place) => row.cells[place].number(),
            Self::PerPage => row.per_page.map(|range| range.high),
            Self::Rate => row.rate,
            Self::Minute => None,
        }
    }
}

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
        Self { column: OPERATION, reversed: false }
    }
}

impl Order {
    /// The next column.
    pub fn next(self) -> Self {
        let columns = sortable();
        let place = columns.iter().position(|&column| column == self.column).unwrap_or(0);
        Self { column: columns[(place + 1) % columns.len()], reversed: false }
    }

    /// The other way round.
    pub fn reverse(self) -> Self {
        Self { reversed: !self.reversed, ..self }
    }

    /// Whether the smallest stands first.
    pub fn is_ascending(self) -> bool {
        (self.column == OPERATION) != self.reversed
    }

    /// Sorts; unknown values stand last in both directions, equal ones in the order of their groups.
    pub fn sort(self, rows: &mut [Row]) {
        rows.sort_by(|a, b| self.compare(a, b).then_with(|| a.group.cmp(&b.group)));
    }

    fn compare(self, a: &Row, b: &Row) -> Ordering {
        if self.column == OPERATION {
            let order = a.group.cmp(&b.group);
            return if self.reversed { order.reverse() } else { order };
        }
        match (self.column.number(a), self.column.number(b)) {
            (Some(a), Some(b)) if self.is_ascending() => a.total_cmp(&b),
            (Some(a), Some(b)) => b.total_cmp(&a),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
}
