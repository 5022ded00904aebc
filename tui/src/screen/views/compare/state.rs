//! Buffer kinds side by side: what can be compared so far, by which metric, and which row is selected.

use std::collections::BTreeSet;

use grantscope_analysis::column::{COLUMNS, Column, place};
use grantscope_analysis::compare::{KINDS, RATIOS, Row, StageMeans, across_domains, rows_of, stages};
use grantscope_analysis::model::Outcome;
use grantscope_analysis::select::Selector;
use grantscope_analysis::series::{Group, SeriesKey, Times};

use crate::screen::command::Command;
use crate::screen::model::columns::comparable;
use crate::screen::model::data::Data;
use crate::screen::model::listing::Listing;
use crate::screen::model::selection::{Cursor, is_alike};
use crate::screen::views::compare::judged::{Cache, OfRow};

/// Buffer kinds side by side: by which metric, and which row is selected.
#[derive(Clone, Debug)]
pub struct Compare {
    /// The metric by which kinds are compared: its place in `COLUMNS`.
    pub metric: usize,
    /// The quotient that is shown where there is room for one: its place in `RATIOS`.
    pub quotient: usize,
    cursor: Cursor,
    selected: Option<usize>,
    /// What can be compared, and what cannot.
    pub comparison: Comparison,
    /// What is said of the quotients of each row.
    pub judged: Vec<OfRow>,
    cache: Cache,
    judged_of: (Times, u64),
    /// Stages of the selected row.
    pub stages: Vec<StageMeans>,
}

impl Default for Compare {
    fn default() -> Self {
        Self {
            metric: place(COLUMNS, "p50_ns"),
            quotient: 0,
            cursor: Cursor::default(),
            selected: None,
            comparison: Comparison::default(),
            judged: Vec::new(),
            cache: Cache::default(),
            judged_of: (Times::default(), 0),
            stages: Vec::new(),
        }
    }
}

impl Compare {
    /// Moves the selection, or compares by the next metric, or other kinds where there is room for two.
    pub fn command(&mut self, command: Command, listing: &mut Listing, page: usize) {
        if command == Command::Metric {
            self.metric = next_metric(self.metric);
            return;
        }
        if command == Command::NextPane {
            self.quotient = self.next_quotient();
            return;
        }
        let rows = &self.comparison.rows;
        let is_found = |index: usize| listing.search().is_some_and(|search| is_meant(&rows[index], search));
        let moved = self.selected.and_then(|index| command.moved(index, rows.len(), page, is_found));
        if let Some(index) = moved {
            self.choose(index, listing);
        }
    }

    /// Selects the row at this place, in the kind of what was chosen before.
    pub fn choose(&self, index: usize, listing: &mut Listing) {
        if let Some(group) = member(&self.comparison.rows[index], listing.chosen()) {
            listing.choose(group);
        }
    }

    /// What the selected row is about, where that is not what was chosen: of operations without kinds there is none.
    pub fn stand_in(&self, chosen: Option<Group>) -> Option<Group> {
        let row = &self.comparison.rows[self.selected?];
        let is_chosen = chosen.is_some_and(|group| is_alike(&Group { buffer: None, ..group }, &row.subject));
        if is_chosen { None } else { second(row) }
    }

    /// Computes the comparison.
    pub fn refresh(&mut self, data: &Data, listing: &Listing) {
        self.comparison = compare(data, listing, &COLUMNS[self.metric]);
        let (times, operations) = (data.aggregate.wanted().times, data.aggregate.operations());
        if self.judged_of.0 != times || operations < self.judged_of.1 {
            // Begun anew, or other times: as many may be others.
            self.cache = Cache::default();
        }
        self.judged_of = (times, operations);
        self.judged = self.cache.judge(&self.comparison.rows, self.metric);
        // Rows are of no kind: each is of all.
        let chosen = listing.chosen().map(|group| Group { buffer: None, ..group });
        self.selected = self.cursor.find(chosen, &self.subjects());
        let row = self.selected.map(|index| &self.comparison.rows[index]);
        self.stages = row.map(|row| stages(&data.aggregate, row)).unwrap_or_default();
    }

    /// The quotient after the one that is shown.
    pub fn next_quotient(&self) -> usize {
        (self.quotient + 1) % RATIOS.len()
    }

    /// Which row is selected.
    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    fn subjects(&self) -> Vec<Group> {
        self.comparison.rows.iter().map(|row| row.subject).collect()
    }
}

/// What a row is about in the kind of what was chosen before, or in the first that it has.
fn member(row: &Row, chosen: Option<Group>) -> Option<Group> {
    let before = KINDS.iter().filter(|&&kind| chosen.is_some_and(|group| group.buffer == Some(kind)));
    let (kind, cell) = before.chain(&KINDS).find_map(|&kind| Some((kind, row.cell(kind)?)))?;
    Some(Group { buffer: Some(kind), domain: cell.domain, ..row.subject })
}

/// What a row is about in the kind that is compared with the first.
fn second(row: &Row) -> Option<Group> {
    let (kind, cell) = KINDS.iter().filter_map(|&kind| Some((kind, row.cell(kind)?))).nth(1)?;
    Some(Group { buffer: Some(kind), domain: cell.domain, ..row.subject })
}

fn is_meant(row: &Row, selector: &Selector) -> bool {
    row.cells.iter().flatten().flat_map(|cell| &cell.members).any(|key| is_meant_in_any_kind(key, selector))
}

/// Whether a series is meant, whatever its kind: each is compared with the others.
fn is_meant_in_any_kind(key: &SeriesKey, selector: &Selector) -> bool {
    KINDS.iter().any(|&kind| selector.selects(&SeriesKey { buffer: Some(kind), ..*key }))
}

/// The metric after this one.
fn next_metric(metric: usize) -> usize {
    let metrics = comparable();
    let place = metrics.iter().position(|&other| other == metric).unwrap_or(0);
    metrics[(place + 1) % metrics.len()]
}

/// What can be compared, and what cannot.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Operations that were seen with several kinds: successful ones only, because a failure takes another way through the kernel.
    pub rows: Vec<Row>,
    /// Names of operations that were seen with one kind only.
    pub alone: Vec<String>,
    /// Those whose kinds are of different domains, and which.
    pub across: Vec<String>,
}

/// The comparison, by one metric.
fn compare(data: &Data, listing: &Listing, metric: &Column) -> Comparison {
    let is_wanted = |key: &SeriesKey| listing.filter().is_none_or(|filter| is_meant_in_any_kind(key, filter));
    let succeeded = rows_of(&data.aggregate, listing.is_merged(), metric, is_wanted).into_iter();
    let succeeded = succeeded.filter(|row| row.subject.outcome == Outcome::Ok);
    let (rows, alone): (Vec<_>, Vec<_>) = succeeded.partition(|row| row.kinds() > 1);
    let names: Vec<_> = rows.iter().map(|row| row.name()).collect();
    let across = across_domains(&rows);
    let mut alone: Vec<_> = alone.into_iter().map(|row| row.name()).collect();
    // Each once: of several kinds and page counts, those of one name do not stand side by side.
    let mut named = BTreeSet::new();
    alone.retain(|name| !names.contains(name) && named.insert(name.clone()));
    Comparison { rows, alone, across }
}
