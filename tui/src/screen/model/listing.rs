//! The rows of the data: how they are merged, filtered and sorted, and which is selected. The table lists them, other views look at one.

use std::collections::BTreeSet;

use grantscope_analysis::select::Selector;
use grantscope_analysis::series::{Group, Pages};

use crate::screen::command::Command;
use crate::screen::model::columns::Order;
use crate::screen::model::data::Data;
use crate::screen::model::detail::{Detail, detail};
use crate::screen::model::rows::{Cache, Row, Rows, Wanted, rows};
use crate::screen::model::selection::{Cursor, Selection, is_alike};
use crate::screen::model::subject::Subject;

/// Rows, and what the user chose to do with them.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    merged: bool,
    /// Operations of which it is the other way round.
    others: BTreeSet<Group>,
    order: Order,
    filter: Option<Selector>,
    search: Option<Selector>,
    selection: Selection,
    cursor: Cursor,
    selected: Option<usize>,
    cache: Cache,
    rows: Rows,
    detail: Option<Detail>,
}

impl Listing {
    /// Computes the rows; `over`: the recording is, so that rates are means over all of it.
    pub fn refresh(&mut self, data: &Data, over: bool) {
        let wanted = Wanted { merged: self.merged, others: &self.others, over, filter: self.filter.as_ref() };
        self.rows = rows(data, wanted, &mut self.cache);
        self.order.sort(&mut self.rows.rows);
        self.selected = self.cursor.find(self.selection.chosen(), &self.groups());
        let selected = self.selected.map(|index| &self.rows.rows[index]);
        selected.into_iter().for_each(|row| self.selection.found(row.group));
        self.detail = selected.map(|row| detail(data, row));
    }

    /// The data is another: counts may be smaller than those that are remembered.
    pub fn forget(&mut self) {
        self.cache = Cache::default();
    }

    /// Moves the selection, by a page of as many rows, or sorts.
    pub fn command(&mut self, command: Command, page: usize) {
        match command {
            Command::Sort => self.order = self.order.next(),
            Command::Reverse => self.order = self.order.reverse(),
            command => self.step(command, page),
        }
    }

    /// Moves the selection, by a page of as many rows.
    pub fn step(&mut self, command: Command, page: usize) {
        let is_found = |index: usize| self.search.as_ref().is_some_and(|search| self.rows.rows[index].is_meant_by(search));
        let moved = self.selected.and_then(|index| command.moved(index, self.rows.rows.len(), page, is_found));
        if let Some(index) = moved {
            self.choose(self.rows.rows[index].group);
        }
    }

    /// Selects the row at this place, if there is one.
    pub fn choose_at(&mut self, index: usize) {
        if let Some(group) = self.rows.rows.get(index).map(|row| row.group) {
            self.choose(group);
        }
    }

    /// Selects this.
    pub fn choose(&mut self, group: Group) {
        self.selection.choose(group);
    }

    /// Selects the same operation with the next page count that there is, or with the one before.
    pub fn to_other_pages(&mut self, is_more: bool) {
        let Some(row) = self.selected.map(|index| self.rows.rows[index].group) else { return };
        let all = self.pages_of(&row).into_iter();
        let next =
            if is_more { all.filter(|pages| *pages > row.pages).min() } else { all.filter(|pages| *pages < row.pages).max() };
        next.into_iter().for_each(|pages| self.choose(Group { pages, ..row }));
    }

    /// The page counts of rows that differ from this one by nothing else.
    pub fn pages_of(&self, group: &Group) -> Vec<Pages> {
        let rest = |group: &Group| Group { pages: Pages::All, ..*group };
        let mut all: Vec<_> =
            self.rows.rows.iter().filter(|row| rest(&row.group) == rest(group)).map(|row| row.group.pages).collect();
        all.sort_unstable();
        all
    }

    /// A key was pressed: what is selected stays so.
    pub fn fix(&mut self) {
        self.selection.fix(self.selected.map(|index| self.rows.rows[index].group));
    }

    /// One row for all page counts, or one row each.
    pub fn toggle_merged(&mut self) {
        self.merged = !self.merged;
        self.others.clear();
    }

    /// The same of the selected row's operation alone.
    pub fn toggle_expanded(&mut self) {
        let Some(row) = self.selected.map(|index| self.rows.rows[index].group) else { return };
        let whole = Group { pages: Pages::All, ..row };
        if !self.others.remove(&whole) {
            self.others.insert(whole);
        }
    }

    /// Shows what this means alone; `None`: all.
    pub fn show_only(&mut self, filter: Option<Selector>) {
        self.filter = filter;
        self.forget();
    }

    /// Looks for what this means; `None`: for nothing.
    pub fn look_for(&mut self, search: Option<Selector>) {
        self.search = search;
    }

    fn groups(&self) -> Vec<Group> {
        self.rows.rows.iter().map(|row| row.group).collect()
    }

    /// Whether there is one row for all page counts.
    pub fn is_merged(&self) -> bool {
        self.merged
    }

    /// How the rows are sorted.
    pub fn order(&self) -> Order {
        self.order
    }

    /// What is shown alone; `None`: all is.
    pub fn filter(&self) -> Option<&Selector> {
        self.filter.as_ref()
    }

    /// What is looked for.
    pub fn search(&self) -> Option<&Selector> {
        self.search.as_ref()
    }

    /// How many rows the filter hides.
    pub fn hidden(&self) -> usize {
        self.rows.hidden
    }

    /// The rows, sorted.
    pub fn rows(&self) -> &[Row] {
        &self.rows.rows
    }

    /// Which row is selected.
    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// What was chosen: the selected row, or one for which that stands in.
    pub fn chosen(&self) -> Option<Group> {
        self.selection.chosen()
    }

    /// What the selected row means; in the past, in which it may not be there yet, what was chosen.
    pub fn subject(&self, is_past: bool) -> Option<Subject> {
        let row = self.selected.map(|index| &self.rows.rows[index]);
        let stands_in = |chosen: &Group| row.is_none_or(|row| !is_alike(chosen, &row.group));
        let is_merged = |group: &Group| self.merged != self.others.contains(&Group { pages: Pages::All, ..*group });
        let group = match (self.selection.chosen().filter(|chosen| is_past && stands_in(chosen)), row) {
            (Some(chosen), _) => Group { pages: if is_merged(&chosen) { Pages::All } else { chosen.pages }, ..chosen },
            (None, row) => row?.group,
        };
        Some(Subject::of(group, row.is_some_and(|row| row.shows_domain), self.filter.as_ref()))
    }

    /// The selected row in full.
    pub fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }
}
