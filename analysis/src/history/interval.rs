//! One interval of time, added up.

use std::collections::BTreeMap;

use super::{Durations, Events, History, Which, Window};
use crate::series::SeriesKey;

/// What happened in an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The time of the slices that have a part in it: at least what was asked for, as far as anything happened.
    pub window: Window,
    /// Each series that is asked for, with its durations.
    pub series: Vec<(SeriesKey, Durations)>,
    /// Operations that are told apart no further, where all are asked for: those that did not fail, and those that did.
    pub others: [Durations; 2],
    /// What happened of all series together.
    pub events: Events,
}

impl Interval {
    /// All series that are asked for, as one: no quantile of it says anything where they are of several sizes.
    pub fn together(&self) -> Durations {
        let mut all = Durations::default();
        self.series.iter().map(|(_, durations)| durations).chain(&self.others).for_each(|durations| all.add(durations));
        all
    }
}

impl History {
    /// What these series did in a window; `None`: nothing happened in it.
    pub fn interval(&self, which: Which<'_>, window: Window) -> Option<Interval> {
        let wanted = self.keys.wanted(which);
        let (first, end) = window.steps();
        let slices = self.slices.in_steps(first, end);
        let window = Window::of_steps(slices.first()?.first, slices.last()?.end);
        let mut by_place = BTreeMap::new();
        let mut events = Events::default();
        for slice in slices {
            slice.add_to(&mut by_place, |place| wanted[usize::from(place)]);
            events.add(&slice.events);
        }
        let mut interval = Interval { window, series: Vec::new(), others: Default::default(), events };
        for (place, durations) in by_place {
            match self.keys.key(place) {
                Some(key) => interval.series.push((key, durations)),
                None => interval.others[usize::from(self.keys.is_failure(place))] = durations,
            }
        }
        interval.series.sort_by_key(|(key, _)| *key);
        Some(interval)
    }
}
