//! The operation that is looked at, told by its name: so it can be looked for in the past, in which its row may not be there yet.

use grantscope_analysis::select::Selector;
use grantscope_analysis::series::{Group, Pages, SeriesKey};

/// What the selected row means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// What it is about.
    pub group: Group,
    /// Whether another row differs from it by its domain alone.
    pub shows_domain: bool,
    filter: Option<Selector>,
}

impl Subject {
    /// This row, of which a filter leaves a part.
    pub fn of(group: Group, shows_domain: bool, filter: Option<&Selector>) -> Self {
        Self { group, shows_domain, filter: filter.cloned() }
    }

    /// Whether a series of whole operations is a part of it.
    pub fn means(&self, key: &SeriesKey) -> bool {
        Group::of(key, self.group.pages == Pages::All) == self.group
            && self.filter.as_ref().is_none_or(|filter| filter.selects(key))
    }
}
