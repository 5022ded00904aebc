//! The slowest operations of the selected row, as values.

use std::sync::Arc;

use grantscope_analysis::history::{Exemplar, Which};
use grantscope_analysis::series::SeriesKey;

use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::model::subject::Subject;

/// The slowest operations.
#[derive(Clone, Debug, Default)]
pub struct Slow {
    /// Of which time.
    pub since: Since,
    /// The row that they are of; `None`: there is none.
    pub subject: Option<Subject>,
    /// The slowest first.
    pub operations: Vec<Arc<Exemplar>>,
    place: usize,
}

/// The time in which the slowest are looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Since {
    /// All of it.
    #[default]
    Ever,
    /// The last 30 to 60 s.
    Lately,
}

impl Slow {
    /// Moves among them, or looks for those of another time.
    pub fn command(&mut self, command: Command) {
        match command {
            Command::Sort => {
                self.since = if self.since == Since::Ever { Since::Lately } else { Since::Ever };
                self.place = 0;
            }
            command => {
                let all = self.operations.len();
                self.place = command.moved(self.place, all, all, |_| false).unwrap_or(self.place);
            }
        }
    }

    /// Opens the one at this place, if there is one.
    pub fn choose(&mut self, place: usize) {
        if place < self.operations.len() {
            self.place = place;
        }
    }

    /// The one that is opened.
    pub fn selected(&self) -> Option<(usize, &Exemplar)> {
        Some((self.place, self.operations.get(self.place)?))
    }

    /// Looks for the slowest. The one that is opened stays so, as long as it is one of them.
    pub fn refresh(&mut self, common: &Common) {
        let subject = common.subject();
        let is_meant = |key: &SeriesKey| subject.as_ref().is_some_and(|subject| subject.means(key));
        let (history, which) = (&common.data().history, Which::Of(&is_meant));
        let found = if self.since == Since::Ever { history.slowest(which) } else { history.recent(which) };
        let found: Vec<_> = found.into_iter().map(|(_, one)| one).collect();
        let is_opened = |one: &Arc<Exemplar>| self.operations.get(self.place).is_some_and(|opened| Arc::ptr_eq(one, opened));
        // Of another row the slowest is opened.
        let same_row = self.subject.as_ref().map(|subject| subject.group) == subject.as_ref().map(|subject| subject.group);
        let place = found.iter().position(is_opened).unwrap_or(if same_row { self.place } else { 0 });
        self.place = place.min(found.len().saturating_sub(1));
        self.operations = found;
        self.subject = subject;
    }
}
