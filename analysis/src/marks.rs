//! The last marks of a recording, in bounded memory.

use std::collections::VecDeque;
use std::ops::Range;

use crate::model::{MOST_MARK_BYTES, Mark};

/// As many are remembered.
pub const MOST_MARKS: usize = 256;

/// The last ones, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    last: VecDeque<Mark>,
    forgotten: u64,
}

impl Marks {
    /// One more.
    pub fn add(&mut self, mark: Mark) {
        if self.last.len() == MOST_MARKS {
            self.last.pop_front();
            self.forgotten += 1;
        }
        self.last.push_back(mark);
    }

    /// Those that are remembered.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Mark> + ExactSizeIterator {
        self.last.iter()
    }

    /// How many came before these.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How many came in all.
    pub fn count(&self) -> u64 {
        self.forgotten + self.last.len() as u64
    }

    /// Those of a time.
    pub fn within(&self, time_ns: Range<u64>) -> impl Iterator<Item = &Mark> {
        self.last.iter().filter(move |mark| time_ns.contains(&mark.at_ns()))
    }

    /// Memory, without what it takes itself.
    pub fn bytes(&self) -> usize {
        self.last.capacity() * size_of::<Mark>() + self.last.iter().map(|mark| COUNTERS + mark.name().len()).sum::<usize>()
    }

    /// As much as that can be.
    pub const fn most_bytes() -> usize {
        MOST_MARKS * (2 * size_of::<Mark>() + COUNTERS + MOST_MARK_BYTES)
    }
}

/// In front of each name.
const COUNTERS: usize = 2 * size_of::<usize>();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_remembered_and_the_others_counted() {
        let mut marks = Marks::default();
        let name = "x".repeat(MOST_MARK_BYTES);
        (0..300).for_each(|at_ns| marks.add(Mark::new(at_ns, &name)));
        assert_eq!((marks.forgotten(), marks.count(), marks.iter().len()), (44, 300, MOST_MARKS));
        assert_eq!(marks.iter().next().map(Mark::at_ns), Some(44));
        assert_eq!(marks.within(40..46).map(Mark::at_ns).collect::<Vec<_>>(), [44, 45]);
        assert!(marks.bytes() > MOST_MARKS * MOST_MARK_BYTES && marks.bytes() <= Marks::most_bytes());
    }
}
