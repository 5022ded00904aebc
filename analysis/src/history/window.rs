//! A time in the history, and its division into columns.

use super::slice::{Events, STEP_NS, Slice, step_of};
use crate::series::activity;

/// From a time to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from_ns: u64,
    /// Its end, which is not in it.
    pub to_ns: u64,
}

impl Window {
    pub(super) fn of_steps(first: u64, end: u64) -> Self {
        Self { from_ns: first.saturating_mul(STEP_NS), to_ns: end.saturating_mul(STEP_NS) }
    }

    /// How long it is.
    pub fn length_ns(&self) -> u64 {
        self.to_ns.saturating_sub(self.from_ns)
    }

    /// The steps that have a part in it: from the first to before the end.
    pub(super) fn steps(&self) -> (u64, u64) {
        if self.length_ns() == 0 {
            return (0, 0);
        }
        (step_of(self.from_ns), step_of(self.to_ns - 1) + 1)
    }

    /// So many windows of nearly the same length, one after the other.
    pub(super) fn parts(&self, count: usize) -> impl Iterator<Item = Self> {
        let at = move |place: usize| {
            let offset = u128::from(self.length_ns()) * place as u128 / count.max(1) as u128;
            self.from_ns + offset as u64
        };
        (0..count).map(move |place| Self { from_ns: at(place), to_ns: at(place + 1) })
    }

    /// Of so many parts, the first and the last that have a time in common with a window that has one with this.
    pub(super) fn parts_of(&self, count: usize, other: &Self) -> (usize, usize) {
        let place = |at_ns: u64| {
            let offset = u128::from(at_ns.saturating_sub(self.from_ns)) * count as u128;
            ((offset / u128::from(self.length_ns().max(1))) as usize).min(count.saturating_sub(1))
        };
        // Parts are rounded down, so a time can be in the part behind.
        (place(other.from_ns), (place(other.to_ns) + 1).min(count.saturating_sub(1)))
    }
}

/// How much of what happened in a slice is counted in a window that has a part of it: as if it had happened evenly. The windows of a slice
/// have all of it together, without remainder.
#[derive(Clone, Copy)]
pub(super) struct Share {
    from: u128,
    to: u128,
    of: u128,
}

impl Share {
    pub fn of(slice: &Window, window: &Window) -> Self {
        let offset = |at_ns: u64| u128::from(at_ns.clamp(slice.from_ns, slice.to_ns) - slice.from_ns);
        let of = u128::from(slice.length_ns()).max(1);
        // The last slice that there can be ends with the time itself.
        Self { from: offset(window.from_ns), to: offset(window.to_ns.max(window.from_ns)), of }
    }

    /// None of it.
    pub fn is_nothing(&self) -> bool {
        self.from == self.to
    }

    pub fn part(&self, count: u64) -> u64 {
        if self.from == 0 && self.to == self.of {
            return count;
        }
        // Less than 2^64 times less than 2^64.
        let until = |offset: u128| u128::from(count) * offset / self.of;
        (until(self.to) - until(self.from)) as u64
    }
}

/// A column of a picture in which time goes from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its time.
    pub window: Window,
    /// Operations of the series that are asked for.
    pub operations: u64,
    /// How many of these failed.
    pub failed: u64,
    /// The longest of them; `None`: there is none, or it is not known in which column it was.
    pub max_ns: Option<u64>,
    /// What happened of all series together.
    pub events: Events,
    /// The slices that it has a part of are longer than it: what is counted here may have happened near it.
    pub is_spread: bool,
}

impl Column {
    pub(super) fn of(window: Window) -> Self {
        Self { window, operations: 0, failed: 0, max_ns: None, events: Events::default(), is_spread: false }
    }

    /// Operations per second; `None`: it is too short to say.
    pub fn rate(&self) -> Option<f64> {
        activity::per_second(self.operations, self.window.length_ns())
    }

    pub(super) fn add_events(&mut self, slice: &Slice, share: Share) {
        self.events.add_part(&slice.events, |count| share.part(count));
        self.is_spread |= Window::of_steps(slice.first, slice.end).length_ns() > self.window.length_ns();
    }
}
