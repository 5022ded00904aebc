//! Whether the rows of the table are of one page count each.

use grantscope_analysis::series::Pages;

use crate::screen::model::rows::Row;

/// What rows are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// Each is of one page count, or of none.
    Apart,
    /// Page counts are added up, and no row has one.
    Together,
    /// Page counts of some operations are added up; rows of others differ by theirs alone.
    Both,
}

impl Sizes {
    /// Of these rows.
    pub fn of(rows: &[Row]) -> Self {
        let is_apart = |row: &Row| !row.is_mixture && row.group.pages != Pages::All;
        match (rows.iter().any(|row| row.is_mixture), rows.iter().any(is_apart)) {
            (false, _) => Self::Apart,
            (true, false) => Self::Together,
            (true, true) => Self::Both,
        }
    }
}
