//! Where to look: the worst slice, and the next one in which something went wrong or began.

use std::sync::Arc;

use super::slice::{STEP_NS, Slice, step_of};
use super::{Durations, Events, History, Which, Window};
use crate::quantile::{Estimate, Quantile};
use crate::series::SeriesKey;

/// By what a slice is the worst.
#[derive(Clone, Copy, Debug)]
pub enum By {
    /// Its longest operation.
    Longest,
    /// This quantile of a series. Slices with enough operations for it come before those with too few.
    Quantile(Quantile),
}

/// The worst slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worst {
    /// The series; `None`: one that is told apart no further.
    pub key: Option<SeriesKey>,
    /// The slice.
    pub window: Window,
    /// When its longest operation ended, to a [step](STEP_NS), also in a long slice.
    pub longest_at_ns: u64,
    /// The longest exactly, or about the quantile.
    pub is: Estimate,
    /// Operations of the series in the slice.
    pub count: u64,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Something was lost.
    Loss,
    /// An operation failed.
    Failure,
    /// A teardown was deferred.
    Deferral,
    /// A part of a benchmark begins, of which the slice before has none.
    Phase,
    /// Somebody gave the time a name.
    Mark,
}

impl History {
    /// The worst slice of these series in a window; `None`: none of them is in it.
    pub fn worst(&self, which: Which<'_>, window: Window, by: By) -> Option<Worst> {
        let wanted = self.keys.wanted(which);
        let (first, end) = window.steps();
        let slices = self.slices.in_steps(first, end).iter();
        let worst_of = |slice: &Arc<Slice>| {
            let each = slice.by_place(|place| wanted[usize::from(place)]);
            let each = each.into_iter().filter_map(|(place, durations)| Some((place, by.of(&durations)?, durations)));
            let worst = each.max_by_key(|(_, is, _)| rank(is))?;
            Some((Window::of_steps(slice.first, slice.end), worst))
        };
        // Of equals the first.
        let worst = slices.filter_map(worst_of).reduce(|a, b| if rank(&b.1.1) > rank(&a.1.1) { b } else { a });
        let (window, (place, is, durations)) = worst?;
        let longest_at_ns = durations.max_step().saturating_mul(STEP_NS);
        Some(Worst { key: self.keys.key(place), window, longest_at_ns, is, count: durations.count() })
    }

    /// The first slice that begins after this time (`None`: of all) and has it, or the step of a mark; `None`: there is no more.
    pub fn next(&self, after_ns: Option<u64>, what: What) -> Option<Window> {
        let Some(is_in) = what.in_slice() else {
            let later = self.marked().filter(|&step| after_ns.is_none_or(|after_ns| step > step_of(after_ns)));
            return later.min().map(window_of_step);
        };
        let slices = self.slices.all();
        let from = after_ns.map_or(0, |after_ns| slices.partition_point(|slice| slice.first <= step_of(after_ns)));
        (from..slices.len()).find(|&place| has(slices, place, is_in)).map(|place| window(&slices[place]))
    }

    /// The last slice that ends before this time, or at it, and has it, or the step of a mark; `None`: there is none.
    pub fn previous(&self, before_ns: u64, what: What) -> Option<Window> {
        let Some(is_in) = what.in_slice() else {
            return self.marked().filter(|&step| step < step_of(before_ns)).max().map(window_of_step);
        };
        let slices = self.slices.all();
        let to = slices.partition_point(|slice| slice.end <= step_of(before_ns));
        (0..to).rev().find(|&place| has(slices, place, is_in)).map(|place| window(&slices[place]))
    }

    /// The steps of all marks in the past that is kept: exactly, also where slices are long.
    fn marked(&self) -> impl Iterator<Item = u64> {
        let first = self.slices.all().first().map_or(u64::MAX, |slice| slice.first);
        self.marks().iter().map(|mark| step_of(mark.at_ns())).filter(move |&step| step >= first)
    }
}

/// Whether a slice has it: what happened in the one before, and in it.
type IsIn = fn(&Events, &Events) -> bool;

impl What {
    /// How it is found in a slice; `None`: marks are not in slices.
    fn in_slice(self) -> Option<IsIn> {
        Some(match self {
            Self::Loss => |_, now| now.all_lost() > 0,
            Self::Failure => |_, now| now.failed > 0,
            Self::Deferral => |_, now| now.deferred > 0,
            Self::Phase => |before, now| before.by_phase.iter().zip(now.by_phase).any(|(before, now)| *before == 0 && now > 0),
            Self::Mark => return None,
        })
    }

    /// What to say where there is none.
    pub fn none(self) -> &'static str {
        match self {
            Self::Loss => "nothing was lost in the past that is kept",
            Self::Failure => "nothing failed in the past that is kept",
            Self::Deferral => "no teardown was deferred in the past that is kept",
            Self::Mark => "nobody made a mark in the past that is kept",
            Self::Phase => "no phase begins in the past that is kept",
        }
    }
}

impl By {
    fn of(&self, durations: &Durations) -> Option<Estimate> {
        match self {
            Self::Longest => durations.max_ns().map(|ns| Estimate { ns, is_carried: true }),
            Self::Quantile(quantile) => durations.quantile(quantile),
        }
    }
}

fn rank(is: &Estimate) -> (bool, u64) {
    (is.is_carried, is.ns)
}

fn window(slice: &Slice) -> Window {
    Window::of_steps(slice.first, slice.end)
}

fn window_of_step(step: u64) -> Window {
    Window::of_steps(step, step.saturating_add(1))
}

fn has(slices: &[Arc<Slice>], place: usize, is_in: IsIn) -> bool {
    let nothing = Events::default();
    is_in(place.checked_sub(1).map_or(&nothing, |before| &slices[before].events), &slices[place].events)
}
