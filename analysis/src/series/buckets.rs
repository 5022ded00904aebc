//! Durations counted in HdrHistogram's buckets of three significant digits, of which only those take memory that something fell into: mostly
//! there are a few dozen, where the library's histogram has room for all up to the largest, some ten thousand.

use hdrhistogram::Histogram;

/// Values below are buckets of their own; every doubling from there on has half as many buckets.
const HALF_BITS: u32 = 10;
/// Of an entry: where its count ends and its bucket's number begins.
const COUNT_BITS: u32 = 48;
/// The most that one bucket counts: an operation each nanosecond, for three days.
const MOST: u64 = (1 << COUNT_BITS) - 1;

/// The buckets that are not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Buckets {
    /// In the order of their numbers, each with its count in one word.
    entries: Vec<u64>,
    all: u64,
}

/// What fell into one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The least that falls into it.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// How often something did.
    pub count: u64,
}

impl Buckets {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts one value so often.
    pub fn record_many(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        let number = number_of(value);
        let place = self.entries.partition_point(|entry| entry >> COUNT_BITS < number);
        self.all = self.all.saturating_add(count);
        match self.entries.get_mut(place).filter(|entry| **entry >> COUNT_BITS == number) {
            Some(entry) => *entry += count.min(MOST - (*entry & MOST)),
            None => self.entries.insert(place, number << COUNT_BITS | count.min(MOST)),
        }
    }

    /// Counts all values of others.
    pub fn add(&mut self, other: &Self) {
        let mut merged = Vec::with_capacity(self.entries.len() + other.entries.len());
        let (mut these, mut those) = (self.entries.iter().copied().peekable(), other.entries.iter().copied().peekable());
        loop {
            let number = |entry: Option<&u64>| entry.map(|entry| entry >> COUNT_BITS);
            merged.push(match (number(these.peek()), number(those.peek())) {
                (Some(this), Some(that)) if this == that => {
                    let counts = [these.next(), those.next()].map(|entry| entry.unwrap_or_default() & MOST);
                    this << COUNT_BITS | counts.iter().sum::<u64>().min(MOST)
                }
                (Some(this), that) if that.is_none_or(|that| this < that) => these.next().unwrap_or_default(),
                (_, Some(_)) => those.next().unwrap_or_default(),
                _ => break,
            });
        }
        // What stays for long takes no more than it needs.
        merged.shrink_to_fit();
        self.entries = merged;
        self.all = self.all.saturating_add(other.all);
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.all
    }

    /// How many buckets are not empty.
    pub fn occupied(&self) -> usize {
        self.entries.len()
    }

    /// The least of what falls into the first of them, and the most of what falls into the last; `None`: all are empty.
    pub fn ends(&self) -> Option<[u64; 2]> {
        let values = |entry: &u64| values_of(entry >> COUNT_BITS);
        Some([values(self.entries.first()?).0, values(self.entries.last()?).1])
    }

    /// The end of the bucket in which this share of the values is reached; 0 where there is none.
    pub fn quantile(&self, quantile: f64) -> u64 {
        let wanted = ((quantile.min(1.0) * self.all as f64).ceil() as u64).max(1);
        let mut reached = 0_u64;
        let found = self.iter().find(|bucket| {
            reached = reached.saturating_add(bucket.count);
            reached >= wanted
        });
        // Where a bucket is full, all are more than what the buckets count.
        found.or_else(|| self.iter().last()).map_or(0, |bucket| if quantile == 0.0 { bucket.least } else { bucket.most })
    }

    /// Those that are not empty, from the shortest values on.
    pub fn iter(&self) -> impl Iterator<Item = Bucket> {
        self.entries.iter().map(|entry| {
            let (least, most) = values_of(entry >> COUNT_BITS);
            Bucket { least, most, count: entry & MOST }
        })
    }

    /// The same as the library has it.
    pub fn histogram(&self) -> Histogram<u64> {
        // Three significant digits; it grows with the values, up to what a u64 holds.
        let mut histogram = Histogram::new(3).expect("3 is a valid number of significant digits");
        for bucket in self.iter() {
            histogram.record_n(bucket.least, bucket.count).expect("a histogram that grows takes every u64");
        }
        histogram
    }
}

/// The bucket that a value falls into. At most 56,319.
fn number_of(value: u64) -> u64 {
    // Doublings above the values that have buckets of their own.
    let doublings = u64::BITS.saturating_sub(value.leading_zeros()).saturating_sub(HALF_BITS + 1);
    (u64::from(doublings) << HALF_BITS) + (value >> doublings)
}

/// The least and the most of what falls into a bucket.
fn values_of(number: u64) -> (u64, u64) {
    let doublings = (number >> HALF_BITS).saturating_sub(1);
    let least = (number - (doublings << HALF_BITS)) << doublings;
    (least, least + ((1 << doublings) - 1))
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Serializer, V2Serializer};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn buckets(values: &[u64]) -> Buckets {
        let mut buckets = Buckets::default();
        values.iter().for_each(|&value| buckets.record(value));
        buckets
    }

    /// Values of all magnitudes, and those at which buckets change their width.
    fn value() -> impl Strategy<Value = u64> {
        prop_oneof![
            (any::<u64>(), 0..64_u32).prop_map(|(bits, shift)| bits >> shift),
            (0..64_u32, 0..3_u64).prop_map(|(bit, more)| (1_u64 << bit).wrapping_add(more).wrapping_sub(1)),
            Just(u64::MAX),
        ]
    }

    fn bytes(histogram: &Histogram<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        V2Serializer::new().serialize(histogram, &mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn they_say_what_the_librarys_histogram_says(values in vec(value(), 0..200), more in vec(value(), 0..50)) {
            let mut library = Histogram::<u64>::new(3).unwrap();
            values.iter().chain(&more).for_each(|&value| library.record(value).unwrap());
            let mut merged = buckets(&values);
            merged.add(&buckets(&more));
            prop_assert_eq!(&merged, &buckets(&[&values[..], &more].concat()));
            prop_assert_eq!(merged.count(), library.len());
            for quantile in [0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0, 2.0] {
                // The library leaves out the last of all values.
                prop_assert_eq!(merged.quantile(quantile).min(u64::MAX - 1), library.value_at_quantile(quantile));
            }
            prop_assert_eq!(bytes(&merged.histogram()), bytes(&library));
            for bucket in merged.iter() {
                let ends = (library.lowest_equivalent(bucket.least), library.highest_equivalent(bucket.least));
                prop_assert_eq!((bucket.least, bucket.most.min(u64::MAX - 1)), ends);
            }
        }
    }

    #[test]
    fn the_largest_values_have_buckets() {
        assert_eq!((number_of(0), number_of(2_047), number_of(2_048), number_of(u64::MAX)), (0, 2_047, 2_048, 56_319));
        assert_eq!(values_of(56_319).1, u64::MAX);
    }

    #[test]
    fn a_count_that_is_full_stays_full_and_its_bucket_the_same() {
        let mut full = Buckets { entries: vec![number_of(7) << COUNT_BITS | MOST], all: MOST };
        full.record(7);
        let mut twice = full.clone();
        twice.add(&full);
        assert_eq!((twice.quantile(0.5), twice.iter().map(|bucket| bucket.count).collect::<Vec<_>>()), (7, vec![MOST]));
    }

    #[test]
    fn only_what_is_not_empty_takes_memory() {
        let apart: Vec<u64> = (0..64).map(|bit| 1 << bit).collect();
        assert_eq!(buckets(&apart.repeat(1_000)).entries.len(), 64);
    }
}
