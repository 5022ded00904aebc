//! All slices of a recording, in bounded memory: when there is too much, neighbours become one, the older the longer.
//!
//! How long a slice may be is proportional to its age, but for the last [`CALM_STEPS`], in which all may be equally long. Whenever slices take
//! more than their bound, the factor grows until they take clearly less. So a short recording stays as fine as it came, one of an hour is fine
//! in its last minutes, and one of days is no larger.

use std::mem;
use std::sync::Arc;

use super::slice::Slice;

/// Two minutes: the last ones are equally fine.
const CALM_STEPS: u64 = 2 * 60 * 16;
/// Slices that more is expected of: records come nearly in order.
pub const MOST_OPEN: usize = 4;

/// No fewer are left by merging: between those that are open, and on both sides, the closed ones are one.
const FEWEST: usize = 2 * MOST_OPEN + 1;

/// What all slices together may have.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of what is packed.
    pub bytes: usize,
    /// Slices.
    pub slices: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 5 << 20, slices: 4_096 }
    }
}

/// Slices in the order of time; where nothing happened is none.
#[derive(Clone, Debug)]
pub struct Slices {
    /// Of a copy, as of a display that is held, each is shared until it changes: mostly none but the last ones do.
    all: Vec<Arc<Slice>>,
    /// The first steps of those that are open, the one that was opened last at the end.
    open: Vec<u64>,
    bounds: Bounds,
    /// Bytes of what is packed.
    packed: usize,
    /// How long a slice may be, as a part of its age.
    factor: f64,
}

impl Slices {
    /// None yet.
    pub fn within(bounds: Bounds) -> Self {
        // The vector never grows: growing would take three times the room for a moment.
        let all = Vec::with_capacity(bounds.slices + MOST_OPEN + 1);
        Self { all, open: Vec::new(), bounds, packed: 0, factor: 0.0 }
    }

    /// In the order of time.
    pub fn all(&self) -> &[Arc<Slice>] {
        &self.all
    }

    /// Those that have a part in the steps from the first to before the end.
    pub fn in_steps(&self, first: u64, end: u64) -> &[Arc<Slice>] {
        let from = self.all.partition_point(|slice| slice.end <= first);
        let to = self.all.partition_point(|slice| slice.first < end);
        self.all.get(from..to).unwrap_or_default()
    }

    /// Changes the slice that has this step. `now` is the recording's present, as a step; of the series at some places the operations failed.
    pub fn change(&mut self, step: u64, now: u64, is_failure: impl Fn(u16) -> bool, change: impl FnOnce(&mut Slice)) {
        let mut place = self.place(step);
        if self.all.get(place).is_none_or(|slice| slice.first > step) {
            self.all.insert(place, Arc::new(Slice::of(step)));
            self.open.push(step);
            if self.open.len() > MOST_OPEN {
                let first = self.open.remove(0);
                self.close(first, is_failure);
            }
            if self.is_too_much(self.bounds) {
                self.merge(now);
                place = self.place(step);
            }
        }
        let slice = Arc::make_mut(&mut self.all[place]);
        let before = slice.packed_bytes();
        change(slice);
        // Also what is added can take less: a histogram with too many buckets makes one of two.
        self.packed = self.packed + slice.packed_bytes() - before;
        if self.packed > self.bounds.bytes {
            self.merge(now);
        }
    }

    /// Where the slice of this step is, or belongs: mostly near the end.
    fn place(&self, step: u64) -> usize {
        let is_before = |slice: &Arc<Slice>| slice.end <= step;
        let far = self.all.len().saturating_sub(MOST_OPEN);
        let is_near = far == 0 || is_before(&self.all[far - 1]);
        let (from, to) = if is_near { (far, self.all.len()) } else { (0, far) };
        from + self.all[from..to].partition_point(is_before)
    }

    fn close(&mut self, first: u64, is_failure: impl Fn(u16) -> bool) {
        let place = self.all.partition_point(|slice| slice.first < first);
        if let Some(slice) = self.all.get_mut(place).filter(|slice| slice.first == first) {
            let slice = Arc::make_mut(slice);
            slice.close(is_failure);
            self.packed += slice.packed_bytes();
        }
    }

    fn is_too_much(&self, bounds: Bounds) -> bool {
        self.packed > bounds.bytes || self.all.len() > bounds.slices
    }

    fn merge(&mut self, now: u64) {
        // Below the bounds, so that it is some time until the next one.
        let wanted = Bounds { bytes: self.bounds.bytes / 8 * 7, slices: self.bounds.slices / 8 * 7 };
        // It may have become too coarse: where less happens than before.
        self.factor = (self.factor / 2.0).max(1.0 / CALM_STEPS as f64);
        loop {
            self.merge_neighbours(now);
            if !self.is_too_much(wanted) || self.all.len() <= FEWEST {
                break;
            }
            self.factor *= 1.25;
        }
    }

    fn merge_neighbours(&mut self, now: u64) {
        let factor = self.factor;
        let longest = |end: u64| factor * (now.abs_diff(end).saturating_add(CALM_STEPS)) as f64;
        let capacity = self.all.capacity();
        let slices = mem::replace(&mut self.all, Vec::with_capacity(capacity));
        let mut group: Vec<Arc<Slice>> = Vec::new();
        for slice in slices {
            let joins = group.last().is_some_and(|last| {
                !last.is_open() && !slice.is_open() && (slice.end - group[0].first) as f64 <= longest(slice.end)
            });
            if !joins {
                finish(&mut self.all, &mut group);
            }
            group.push(slice);
        }
        finish(&mut self.all, &mut group);
        self.packed = self.all.iter().map(|slice| slice.packed_bytes()).sum();
    }

    /// Memory.
    pub fn bytes(&self) -> usize {
        let open: usize = self.all.iter().map(|slice| slice.open_bytes()).sum();
        self.all.capacity() * size_of::<Arc<Slice>>() + self.all.len() * ALLOCATED + self.packed + open
    }

    /// As much as that can be with so many series.
    pub fn most_bytes(&self, series: usize) -> usize {
        let slices = self.all.capacity() * (size_of::<Arc<Slice>>() + ALLOCATED);
        slices + self.bounds.bytes + MOST_OPEN * Slice::most_open_bytes(series)
    }
}

/// A slice and its two counters.
const ALLOCATED: usize = size_of::<Slice>() + 2 * size_of::<usize>();

/// What was gathered becomes one slice. A slice alone stays what it is, unless something came late.
fn finish(all: &mut Vec<Arc<Slice>>, group: &mut Vec<Arc<Slice>>) {
    let stays = matches!(&group[..], [only] if !only.has_late());
    if stays {
        all.append(group);
    } else {
        all.extend(Slice::together(group.drain(..).map(Arc::unwrap_or_clone)).map(Arc::new));
    }
}

#[cfg(test)]
mod tests {
    use super::super::coarse::{BUCKETS, ends_of};
    use super::*;

    const SECOND: u64 = 16;

    fn filled(bounds: Bounds, steps: impl Iterator<Item = u64>) -> Slices {
        let mut slices = Slices::within(bounds);
        steps.for_each(|step| {
            let (place, ns) = (step as u16 % 7, 1_000 + step % 97);
            slices.change(step, step, fails, |slice| {
                slice.events.operations += 1;
                slice.record(place, fails(place), ns, step);
            });
        });
        slices
    }

    fn fails(place: u16) -> bool {
        place == 3
    }

    fn operations(slices: &Slices) -> u64 {
        let counted = |slice: &Arc<Slice>| slice.by_place(|_| true).values().map(|durations| durations.count()).sum::<u64>();
        assert!(slices.all().iter().all(|slice| counted(slice) == slice.events.operations));
        slices.all().iter().filter(|slice| !slice.is_open()).for_each(|slice| assert_totals(slice));
        slices.all().iter().map(counted).sum()
    }

    fn assert_totals(slice: &Slice) {
        let mut totals = [0; 2];
        slice.visit_totals(|failed, packed| totals[usize::from(failed)] = packed.unpacked().count());
        let expected = [false, true].map(|failed| {
            let places = slice.by_place(|place| fails(place) == failed);
            places.values().map(|durations| durations.count()).sum::<u64>()
        });
        assert_eq!(totals, expected);
    }

    #[test]
    fn what_has_room_stays_as_fine_as_it_came() {
        let slices = filled(Bounds::default(), 0..91);
        assert!(slices.all().len() == 91 && slices.all().iter().all(|slice| slice.end - slice.first == 1));
    }

    #[test]
    fn old_slices_become_longer_and_recent_ones_stay_short_and_nothing_is_lost() {
        let bounds = Bounds { slices: 1_000, ..Bounds::default() };
        let steps = 24 * 3_600 * SECOND;
        let slices = filled(bounds, 0..steps);
        assert_eq!(operations(&slices), steps);
        let lengths = |slices: &[Arc<Slice>]| slices.iter().map(|slice| slice.end - slice.first).max().unwrap();
        let recent = slices.in_steps(steps - 60 * SECOND, steps);
        assert!(slices.all().len() <= 1_000 && lengths(recent) <= 2 * SECOND, "{}", lengths(recent));
        assert!(slices.all().windows(2).all(|pair| pair[0].end <= pair[1].first));
        // An hour ago no slice is longer than two minutes.
        assert!(lengths(slices.in_steps(steps - 3_600 * SECOND, steps)) <= 120 * SECOND);
    }

    #[test]
    fn a_copy_shares_all_slices_that_do_not_change() {
        let mut slices = filled(Bounds::default(), 0..500);
        let copy = slices.clone();
        slices.change(600, 600, fails, |slice| slice.record(0, false, 1, 600));
        slices.change(3, 600, fails, |slice| slice.record(0, false, 1, 3));
        let is_shared = |slice: &&Arc<Slice>| copy.all().iter().any(|other| Arc::ptr_eq(other, slice));
        // The late one, the new one, and that which is closed by it.
        assert_eq!(slices.all().iter().filter(|slice| !is_shared(slice)).count(), 3);
        assert_eq!(operations(&copy), 500);
    }

    #[test]
    fn what_comes_late_is_in_the_slice_of_its_time() {
        let slices = filled(Bounds::default(), (0..50).chain([3, 3, 10]));
        let at = |step| slices.in_steps(step, step + 1)[0].events.operations;
        assert_eq!((at(3), at(10), at(11), operations(&slices)), (3, 2, 1, 53));
        assert_eq!(slices.all().len(), 50);
    }

    #[test]
    fn the_bytes_are_known_also_where_a_histogram_becomes_smaller() {
        let mut slices = filled(Bounds::default(), 0..50);
        for number in 0..BUCKETS as u64 {
            slices.change(0, 50, fails, |slice| slice.record(0, false, ends_of(number, 0).0, 0));
        }
        assert_eq!(slices.packed, slices.all().iter().map(|slice| slice.packed_bytes()).sum::<usize>());
    }

    #[test]
    fn the_bound_on_bytes_holds_also_where_all_comes_late() {
        let bounds = Bounds { bytes: 20_000, slices: 400 };
        let slices = filled(bounds, (0..300).chain((0..20_000).map(|i| i * 7_919 % 300)));
        assert_eq!(operations(&slices), 20_300);
        assert!(slices.packed <= bounds.bytes);
        assert_eq!(slices.packed, slices.all().iter().map(|slice| slice.packed_bytes()).sum::<usize>());
    }
}
