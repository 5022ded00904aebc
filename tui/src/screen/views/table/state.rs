//! What the table has of its own: the layout of its lower half. Its rows are common to several views.

use crate::screen::command::Command;
use crate::screen::model::common::Common;

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The lower half.
    pub panes: Panes,
}

/// The lower half under the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Panes {
    /// Histogram and stages side by side.
    #[default]
    Both,
    /// The histogram alone.
    Histogram,
    /// The stages alone.
    Stages,
    /// Nothing: the table has all the room.
    Neither,
}

impl Panes {
    fn next(self) -> Self {
        match self {
            Self::Both => Self::Histogram,
            Self::Histogram => Self::Stages,
            Self::Stages => Self::Neither,
            Self::Neither => Self::Both,
        }
    }
}

impl Table {
    /// Changes the lower half, or which row is selected, of which a page has as many, and how they are sorted.
    pub fn command(&mut self, command: Command, common: &mut Common, page: usize) {
        match command {
            Command::NextPane => self.panes = self.panes.next(),
            command => common.listing.command(command, page),
        }
    }
}
