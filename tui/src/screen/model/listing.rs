//! The rows of the data: how they are merged and sorted, and which is selected. The table lists them, zoom enlarges one.

use grantscope_analysis::series::Group;

use crate::screen::command::Command;
use crate::screen::model::columns::Order;
use crate::screen::model::data::Data;
use crate::screen::model::detail::{Detail, detail};
use crate::screen::model::rows::{Cache, Row, Wanted, rows};
use crate::screen::model::selection::Selection;

/// Rows, and what the user chose to do with them.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    merged: bool,
    order: Order,
    selected: Selection<Group>,
    cache: Cache,
    rows: Vec<Row>,
    detail: Option<Detail>,
}

impl Listing {
    /// Computes the rows; `over`: the recording is, so that rates are means over all of it.
    pub fn refresh(&mut self, data: &Data, over: bool) {
        let mut rows = rows(data, Wanted { merged: self.merged, over }, &mut self.cache);
        self.order.sort(&mut rows);
        self.rows = rows;
        let selected = self.selected().map(|index| &self.rows[index]);
        self.detail = selected.map(|row| detail(data, row));
    }

    /// The data is another: counts may be smaller than those that are remembered.
    pub fn forget(&mut self) {
        self.cache = Cache::default();
    }

    /// Moves the selection, or sorts.
    pub fn command(&mut self, command: Command) {
        match command {
            Command::Sort => self.order = self.order.next(),
            Command::Reverse => self.order = self.order.reverse(),
            command => {
                if let Some(rows) = command.step() {
                    self.selected.step(&self.groups(), rows);
                }
            }
        }
    }

    /// One row for all page counts, or one row each.
    pub fn toggle_merged(&mut self) {
        self.merged = !self.merged;
    }

    /// Selects the row of this group, where there is one.
    pub fn choose(&mut self, group: Group) {
        let groups = self.groups();
        if let Some(place) = groups.iter().position(|other| *other == group) {
            self.selected.choose(&groups, place);
        }
    }

    fn groups(&self) -> Vec<Group> {
        self.rows.iter().map(|row| row.group).collect()
    }

    /// Whether there is one row for all page counts.
    pub fn is_merged(&self) -> bool {
        self.merged
    }

    /// How the rows are sorted.
    pub fn order(&self) -> Order {
        self.order
    }

    /// The rows, sorted.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Which row is selected.
    pub fn selected(&self) -> Option<usize> {
        self.selected.index(&self.groups())
    }

    /// The selected row in full.
    pub fn detail(&self) -> Option<&Detail> {
        self.detail.as_ref()
    }
}
