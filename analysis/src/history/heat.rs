//! A heat map: time from left to right, duration from bottom to top on a log scale.

use super::coarse::{BUCKETS, ends_of};
use super::durations::Packed;
use super::keys::Keys;
use super::slice::{STEP_NS, Slice};
use super::window::Share;
use super::{Column, History, Which, Window};

/// Operations by when they ended and by how long they took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heat {
    /// From left to right.
    pub columns: Vec<Column>,
    /// From the shortest durations on. Each doubling has equally many, or several doublings are in one.
    pub rows: Vec<Row>,
    /// Column by column.
    counts: Vec<u64>,
}

/// Durations that are in one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The least.
    pub least_ns: u64,
    /// The most.
    pub most_ns: u64,
}

impl Heat {
    /// Operations of a column in a row.
    pub fn count(&self, column: usize, row: usize) -> u64 {
        self.counts.get(column * self.rows.len() + row).copied().unwrap_or(0)
    }

    /// The most that are anywhere.
    pub fn most(&self) -> u64 {
        self.counts.iter().copied().max().unwrap_or(0)
    }
}

impl History {
    /// The heat map of these series in a window, of so many columns, and of as many rows as it needs for all durations in it, at most so
    /// many.
    pub fn heat(&self, which: Which<'_>, window: Window, columns: usize, most_rows: usize) -> Heat {
        let mut counts = vec![[0_u64; BUCKETS]; columns];
        let columns = self.gather(which, window, columns, |column, bucket, count| counts[column][bucket] += count);
        let mut is_used = [false; BUCKETS];
        counts.iter().for_each(|column| is_used.iter_mut().zip(column).for_each(|(used, &count)| *used |= count > 0));
        let (first, last) = (is_used.iter().position(|&used| used), is_used.iter().rposition(|&used| used));
        let (Some(first), Some(last)) = (first, last) else { return Heat { columns, rows: Vec::new(), counts: Vec::new() } };
        let together = (last + 1 - first).div_ceil(most_rows.max(1));
        let starts = (first..=last).step_by(together);
        let end_of = |start: usize| (start + together - 1).min(BUCKETS - 1);
        let row = |start: usize| Row { least_ns: ends_of(start as u64, 0).0, most_ns: ends_of(end_of(start) as u64, 0).1 };
        let of_column = |column: &[u64; BUCKETS]| {
            let rows = starts.clone().map(|start| column[start..=end_of(start)].iter().sum());
            rows.collect::<Vec<u64>>()
        };
        Heat { columns, rows: starts.clone().map(row).collect(), counts: counts.iter().flat_map(of_column).collect() }
    }

    /// How much happened when: the columns alone.
    pub fn columns(&self, which: Which<'_>, window: Window, columns: usize) -> Vec<Column> {
        self.gather(which, window, columns, |_, _, _| {})
    }

    /// The columns; `heat` gets a column, a finest bucket, and operations that are there.
    fn gather(&self, which: Which<'_>, window: Window, count: usize, mut heat: impl FnMut(usize, usize, u64)) -> Vec<Column> {
        let wanted = self.keys.wanted(which);
        let mut columns: Vec<_> = window.parts(count).map(Column::of).collect();
        if columns.is_empty() {
            return columns;
        }
        let (first, end) = window.steps();
        let mut seen = Seen::default();
        for slice in self.slices.in_steps(first, end) {
            seen.see(slice, which, &wanted, &self.keys);
            let of_time = Window::of_steps(slice.first, slice.end);
            let (from, to) = window.parts_of(count, &of_time);
            for (place, column) in columns.iter_mut().enumerate().take(to + 1).skip(from) {
                let share = Share::of(&of_time, &column.window);
                if share.is_nothing() {
                    continue;
                }
                column.add_events(slice, share);
                column.operations = column.operations.saturating_add(share.part(seen.operations));
                column.failed = column.failed.saturating_add(share.part(seen.failed));
                seen.buckets.iter().for_each(|&(bucket, count)| heat(place, bucket, share.part(count)));
            }
            if let Some((max_ns, step)) = seen.longest {
                place_longest(&mut columns, max_ns, step);
            }
        }
        columns
    }
}

/// What is asked for of a slice.
#[derive(Default)]
struct Seen {
    operations: u64,
    failed: u64,
    /// The longest, and the step in which it ended.
    longest: Option<(u64, u64)>,
    /// Finest buckets and their counts; one several times where it is of several series.
    buckets: Vec<(usize, u64)>,
}

impl Seen {
    fn see(&mut self, slice: &Slice, which: Which<'_>, wanted: &[bool], keys: &Keys) {
        // The memory of the last one is used again.
        self.buckets.clear();
        (self.operations, self.failed, self.longest) = (0, 0, None);
        if matches!(which, Which::All) && !slice.is_open() {
            slice.visit_totals(|is_failure, packed| self.add(is_failure, packed));
            return;
        }
        slice.visit(|place| wanted[usize::from(place)], |place, packed| self.add(keys.is_failure(place), packed));
    }

    fn add(&mut self, is_failure: bool, packed: Packed<'_>) {
        let mut all = 0;
        let longest = packed.visit(|bucket, count| {
            all += count;
            self.buckets.push((bucket, count));
        });
        self.longest = self.longest.max(Some(longest));
        self.operations += all;
        self.failed += if is_failure { all } else { 0 };
    }
}

/// The longest of a slice is in the column that has the middle of its step.
fn place_longest(columns: &mut [Column], max_ns: u64, step: u64) {
    let at_ns = step.saturating_mul(STEP_NS).saturating_add(STEP_NS / 2);
    // The last column that there can be ends with time itself, which is in it.
    let place = columns.partition_point(|column| column.window.to_ns <= at_ns && column.window.to_ns < u64::MAX);
    if let Some(column) = columns.get_mut(place).filter(|column| column.window.from_ns <= at_ns) {
        column.max_ns = column.max_ns.max(Some(max_ns));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::S;

    #[test]
    fn what_ends_with_time_itself_is_in_the_last_column() {
        let window = |from_ns, to_ns| Column::of(Window { from_ns, to_ns });
        let mut columns = [window(0, u64::MAX / 2), window(u64::MAX / 2, u64::MAX)];
        place_longest(&mut columns, 7, u64::MAX / STEP_NS);
        place_longest(&mut columns, 5, 0);
        assert_eq!(columns.each_ref().map(|column| column.max_ns), [Some(5), Some(7)]);
        // After a column that is not the last one of all time, nothing is in it.
        let mut early = [window(0, S)];
        place_longest(&mut early, 9, S / STEP_NS);
        assert_eq!(early[0].max_ns, None);
    }
}
