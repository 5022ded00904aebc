//! Durations in coarse buckets, eight for each doubling: enough for a heat map and for an approximate quantile.
//!
//! A bucket is at most an eighth of its values wide, and its middle stands for them: that is off by at most a sixteenth of the value. A
//! histogram of more than [`MOST_OCCUPIED`] buckets, sixteen doublings without a gap, makes one of two, and then again: its error doubles.

/// Each doubling has two to this power of buckets.
const EIGHTH_BITS: u32 = 3;
/// As many finest buckets there are for all values.
pub const BUCKETS: usize = 496;
/// As many have room in a histogram.
pub const MOST_OCCUPIED: usize = 128;
/// How far off the middle of a finest bucket is, as a part of the value.
pub const ERROR: f64 = 1.0 / 16.0;
/// Of an entry: where its count ends and its bucket's number begins.
const COUNT_BITS: u32 = 48;
const MOST: u64 = (1 << COUNT_BITS) - 1;

/// The buckets that are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coarse {
    /// Two to this power of the finest buckets are one.
    shift: u8,
    /// In the order of their numbers, each with its count in one word.
    entries: Vec<u64>,
}

impl Coarse {
    /// Counts one duration.
    pub fn record(&mut self, ns: u64) {
        self.put(number_of(ns) >> self.shift, 1);
        self.widen();
    }

    /// Counts all durations of others.
    pub fn add(&mut self, other: &Self) {
        while self.shift < other.shift {
            self.double();
        }
        let by = self.shift - other.shift;
        for entry in &other.entries {
            self.put(entry >> COUNT_BITS >> by, entry & MOST);
        }
        self.widen();
    }

    /// How many durations: of a bucket at most 2^48.
    pub fn count(&self) -> u64 {
        self.entries.iter().map(|entry| entry & MOST).fold(0, u64::saturating_add)
    }

    /// About the duration below which this part of them lies; `None`: there are none.
    pub fn quantile_ns(&self, part: f64) -> Option<u64> {
        let wanted = ((part.min(1.0) * self.count() as f64).ceil() as u64).max(1);
        let mut reached = 0_u64;
        self.parts().find_map(|(number, count)| {
            reached = reached.saturating_add(count);
            let (least, most) = ends_of(number.into(), self.shift);
            (reached >= wanted).then_some(least + (most - least) / 2)
        })
    }

    /// Buckets that are not empty, by their numbers at this histogram's [width](Self::shift).
    pub fn parts(&self) -> impl ExactSizeIterator<Item = (u16, u64)> {
        self.entries.iter().map(|entry| ((entry >> COUNT_BITS) as u16, entry & MOST))
    }

    /// Of how many finest buckets each of these is made: two to this power.
    pub fn shift(&self) -> u8 {
        self.shift
    }

    /// One with these buckets, which are in their order.
    pub fn of_parts(shift: u8, parts: impl Iterator<Item = (u16, u64)>) -> Self {
        Self { shift, entries: parts.map(|(number, count)| u64::from(number) << COUNT_BITS | count.min(MOST)).collect() }
    }

    /// Memory beside the value itself.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<u64>()
    }

    fn put(&mut self, number: u64, count: u64) {
        let place = self.entries.partition_point(|entry| entry >> COUNT_BITS < number);
        match self.entries.get_mut(place).filter(|entry| **entry >> COUNT_BITS == number) {
            Some(entry) => *entry += count.min(MOST - (*entry & MOST)),
            None => self.entries.insert(place, number << COUNT_BITS | count.min(MOST)),
        }
    }

    fn widen(&mut self) {
        while self.entries.len() > MOST_OCCUPIED {
            self.double();
        }
    }

    fn double(&mut self) {
        let entries = std::mem::take(&mut self.entries);
        self.shift += 1;
        for entry in entries {
            self.put(entry >> COUNT_BITS >> 1, entry & MOST);
        }
    }
}

/// The finest bucket in the middle of one of a histogram of this width.
pub fn middle(number: u16, shift: u8) -> usize {
    let middle = (usize::from(number) << shift) + ((1 << shift) >> 1);
    middle.min(BUCKETS - 1)
}

/// The least and the most of what falls into a bucket of a histogram of this width.
pub fn ends_of(number: u64, shift: u8) -> (u64, u64) {
    let last = (((number + 1) << shift) - 1).min(BUCKETS as u64 - 1);
    (values_of(number << shift).0, values_of(last).1)
}

fn number_of(value: u64) -> u64 {
    let doublings = u64::BITS.saturating_sub(value.leading_zeros()).saturating_sub(EIGHTH_BITS + 1);
    (u64::from(doublings) << EIGHTH_BITS) + (value >> doublings)
}

fn values_of(number: u64) -> (u64, u64) {
    let doublings = (number >> EIGHTH_BITS).saturating_sub(1);
    let least = (number - (doublings << EIGHTH_BITS)) << doublings;
    (least, least + ((1 << doublings) - 1))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn coarse(values: &[u64]) -> Coarse {
        let mut coarse = Coarse::default();
        values.iter().for_each(|&value| coarse.record(value));
        coarse
    }

    proptest! {
        #[test]
        fn no_quantile_is_further_off_than_the_stated_error(mut values in vec(1_000..1_000_000_000_u64, 1..80)) {
            let coarse = coarse(&values);
            values.sort_unstable();
            for part in [0.1, 0.5, 0.9, 0.99, 1.0] {
                let exact = values[((part * values.len() as f64).ceil() as usize).max(1) - 1] as f64;
                let about = coarse.quantile_ns(part).unwrap() as f64;
                prop_assert!((about - exact).abs() <= exact * ERROR, "{part}: {about} for {exact}");
            }
        }

        #[test]
        fn none_is_lost_by_adding_and_there_are_never_more_buckets_than_have_room(
            of in vec(vec((any::<u64>(), 0..64_u32).prop_map(|(bits, shift)| bits >> shift), 0..400), 1..4)
        ) {
            let mut all = Coarse::default();
            of.iter().for_each(|values| all.add(&coarse(values)));
            prop_assert_eq!(all.count(), of.iter().map(Vec::len).sum::<usize>() as u64);
            prop_assert!(all.entries.len() <= MOST_OCCUPIED && all.entries.is_sorted());
        }
    }

    #[test]
    fn every_value_has_a_bucket_with_its_ends() {
        assert_eq!(number_of(u64::MAX) as usize, BUCKETS - 1);
        for value in [0, 1, 15, 16, 17, 1_000, 123_456_789, u64::MAX - 1, u64::MAX] {
            for shift in 0..3 {
                let (least, most) = ends_of(number_of(value) >> shift, shift);
                assert!((least..=most).contains(&value), "{value} is not in {least}..={most}");
                assert!(middle((number_of(value) >> shift) as u16, shift) < BUCKETS);
            }
        }
    }

    #[test]
    fn nothing_has_no_quantile() {
        assert_eq!((Coarse::default().quantile_ns(0.5), Coarse::default().count()), (None, 0));
    }
}
