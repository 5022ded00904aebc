//! Which row of the comparison is selected. A row is a quantile of a series.

use grantscope_analysis::decide::{Metric, Row};
use grantscope_analysis::series::{Group, SeriesKey};

use crate::screen::command::Command;
use crate::screen::model::common::Common;

/// The rows that are seen, and the one that is selected.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// Those that the filter leaves, in the order of the comparison: the worst first.
    pub rows: Vec<Row>,
    /// How many it hides.
    pub hidden: usize,
    chosen: Option<(SeriesKey, Metric)>,
    place: usize,
}

impl Baseline {
    /// Moves among the rows, by a page of as many.
    pub fn command(&mut self, command: Command, common: &mut Common, page: usize) {
        let search = common.listing.search().cloned();
        let is_found = |place: usize| search.as_ref().is_some_and(|search| search.selects(&self.rows[place].key));
        if let Some(place) = command.moved(self.place, self.rows.len(), page, is_found) {
            self.choose(place, common);
        }
    }

    /// Selects the row at this place, in the table too.
    pub fn choose(&mut self, place: usize, common: &mut Common) {
        let Some(row) = self.rows.get(place) else { return };
        (self.place, self.chosen) = (place, Some((row.key, row.metric)));
        common.listing.choose(Group::of(&row.key, common.listing.is_merged()));
    }

    /// Which row is selected.
    pub fn selected(&self) -> Option<(usize, &Row)> {
        Some((self.place, self.rows.get(self.place)?))
    }

    /// Takes over what was compared. The selected row stays so, wherever it stands now.
    pub fn refresh(&mut self, common: &Common) {
        let all = common.against.as_ref().and_then(|against| against.comparison.as_ref()).map_or(&[][..], |all| &all.rows);
        let is_wanted = |row: &&Row| common.listing.filter().is_none_or(|filter| filter.selects(&row.key));
        self.rows = all.iter().filter(is_wanted).cloned().collect();
        self.hidden = all.len() - self.rows.len();
        let is_chosen = |row: &Row| Some((row.key, row.metric)) == self.chosen;
        self.place = self.rows.iter().position(is_chosen).unwrap_or(self.place.min(self.rows.len().saturating_sub(1)));
    }
}
