//! What a sample says of a quantile, whatever the distribution: by how many of its values are below and above a place.
//!
//! If the quantile q lay above t, each value would be at most t with a chance below q, and so many of n at most t as were seen with a chance
//! below exp(−n·D(k/n ‖ q)): Chernoff's bound of the binomial distribution, with D the divergence of Kullback and Leibler
//! (<https://en.wikipedia.org/wiki/Chernoff_bound>). It holds for every n and every chance, however small. Its exponent is the *evidence*
//! here, in nats: claims that hold together are as strong as the weakest of them.

use crate::series::{Bucket, Buckets};

/// Values in order.
#[derive(Clone, Debug)]
pub struct Ranks {
    /// Buckets, each with how many values are in it or before.
    buckets: Vec<(Bucket, u64)>,
    count: u64,
}

impl Ranks {
    /// Of a histogram's values.
    pub fn of(buckets: &Buckets) -> Self {
        let mut through = 0_u64;
        let reached = buckets.iter().map(|bucket| {
            through = through.saturating_add(bucket.count);
            (bucket, through)
        });
        Self { buckets: reached.collect(), count: buckets.count() }
    }

    /// The part of the values that may be at most this.
    pub fn part_at_most(&self, value: u64) -> f64 {
        self.through(self.buckets.partition_point(|(bucket, _)| bucket.least <= value)) / self.count as f64
    }

    /// The least value at which more than this part is reached; `None`: all of them are not more.
    pub fn reaching(&self, part: f64) -> Option<u64> {
        let place = self.buckets.partition_point(|(_, through)| *through as f64 / self.count as f64 <= part);
        self.buckets.get(place).map(|(bucket, _)| bucket.least)
    }

    /// Between which values a quantile lies, with this much evidence for each end; `None`: it can be as long as it likes.
    pub fn interval(&self, quantile: f64, nats: f64) -> (u64, Option<u64>) {
        let least = self.buckets.partition_point(|(bucket, _)| self.at_least(quantile, bucket.least) >= nats);
        let most = self.buckets.partition_point(|(bucket, _)| self.at_most(quantile, bucket.most) < nats);
        let low = least.checked_sub(1).map_or(0, |place| self.buckets[place].0.least);
        (low, self.buckets.get(most).map(|(bucket, _)| bucket.most))
    }

    /// The evidence that the quantile of `other` is above what `shift` makes of this one's: that there is a value which it is above, and
    /// which this one's is not. `shift` never falls.
    pub fn is_below(&self, quantile: f64, other: &Self, shift: impl Fn(u64) -> u64) -> f64 {
        let both =
            |(bucket, _): &(Bucket, u64)| (self.at_most(quantile, bucket.most), other.more_than(quantile, shift(bucket.most)));
        strongest(&self.buckets, both)
    }

    /// The evidence that the quantile of `other` is at most what `shift` makes of this one's; where `slack` of all values may be in another
    /// place in the order.
    pub fn is_not_below(&self, quantile: f64, slack: f64, other: &Self, shift: impl Fn(u64) -> u64) -> f64 {
        let both = |(bucket, _): &(Bucket, u64)| {
            (other.at_most(quantile - slack, shift(bucket.least)), self.at_least(quantile + slack, bucket.least))
        };
        strongest(&self.buckets, both)
    }

    fn through(&self, places: usize) -> f64 {
        places.checked_sub(1).map_or(0, |place| self.buckets[place].1) as f64
    }

    /// The evidence that the quantile is at most this.
    fn at_most(&self, quantile: f64, value: u64) -> f64 {
        // Those of a bucket that goes further may be longer.
        let part = self.through(self.buckets.partition_point(|(bucket, _)| bucket.most <= value)) / self.count as f64;
        if part > quantile { self.count as f64 * divergence(part, quantile) } else { 0.0 }
    }

    /// The evidence that the quantile is more than this.
    fn more_than(&self, quantile: f64, value: u64) -> f64 {
        let part = self.part_at_most(value);
        if part < quantile { self.count as f64 * divergence(part, quantile) } else { 0.0 }
    }

    fn at_least(&self, quantile: f64, value: u64) -> f64 {
        value.checked_sub(1).map_or(f64::INFINITY, |less| self.more_than(quantile, less))
    }
}

/// Two things that hold together, of which the first becomes stronger from place to place, and the second weaker: where they cross.
fn strongest<T>(places: &[T], both: impl Fn(&T) -> (f64, f64)) -> f64 {
    let crossing = places.partition_point(|place| {
        let (rising, falling) = both(place);
        rising < falling
    });
    let around = &places[crossing.saturating_sub(1)..places.len().min(crossing + 1)];
    around.iter().map(both).fold(0.0, |most, (rising, falling)| most.max(rising.min(falling)))
}

/// D(p ‖ q) of two coins. Infinite where q says that something cannot be which p says is.
fn divergence(p: f64, q: f64) -> f64 {
    let of = |p: f64, q: f64| if p > 0.0 { p * (p / q.max(0.0)).ln() } else { 0.0 };
    of(p, q) + of(1.0 - p, 1.0 - q)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(values: impl IntoIterator<Item = u64>) -> Ranks {
        let mut buckets = Buckets::default();
        values.into_iter().for_each(|value| buckets.record(value));
        Ranks::of(&buckets)
    }

    #[test]
    fn a_sample_that_is_all_on_one_side_is_the_strongest_evidence_there_is() {
        // Each of ten values is on the other side of the median with a chance of one half.
        let ten = ranks(1..=10);
        assert!((ten.at_most(0.5, 10) - 10.0 * 2_f64.ln()).abs() < 1e-9);
        assert!((ten.more_than(0.5, 0) - 10.0 * 2_f64.ln()).abs() < 1e-9);
        assert_eq!((ten.at_most(0.5, 5), ten.more_than(0.5, 5)), (0.0, 0.0), "half of them are at most 5");
    }

    #[test]
    fn an_interval_holds_the_quantile_and_is_open_where_too_few_values_are_beyond() {
        let thousand = ranks(1..=1_000);
        let (low, high) = thousand.interval(0.5, 5.0);
        assert!((440..500).contains(&low) && (501..560).contains(&high.unwrap()), "{low} {high:?}");
        assert_eq!(thousand.interval(0.999, 20.0).1, None);
        assert_eq!(ranks([7]).interval(0.5, 1.0), (0, None));
        assert_eq!(ranks(vec![7; 100]).interval(0.5, 20.0), (7, Some(7)), "values that do not vary leave no doubt");
    }

    #[test]
    fn an_order_of_two_quantiles_is_believed_where_both_sides_say_so() {
        let (short, long) = (ranks(1_000..1_200), ranks(1_300..1_500));
        assert!(short.is_below(0.5, &long, |t| t) > 50.0);
        assert_eq!((long.is_below(0.5, &short, |t| t), short.is_below(0.5, &long, |t| 2 * t)), (0.0, 0.0));
        assert!(short.is_not_below(0.5, 0.0, &long, |t| 2 * t) > 50.0);
        assert_eq!(short.is_not_below(0.5, 0.0, &long, |t| t), 0.0);
    }

    #[test]
    fn a_median_between_two_modes_is_the_same_up_to_a_few_values_in_another_order() {
        let modes = |short: usize, long: usize| ranks([vec![135_000; short], vec![157_000; long]].concat());
        let (one, other) = (modes(5_050, 4_950), modes(4_950, 5_050));
        assert!(one.is_not_below(0.5, 0.0, &other, |t| t + t / 20) < 1.0, "each median is in another mode");
        assert!(one.is_not_below(0.5, 0.05, &other, |t| t + t / 20) > 20.0);
    }
}
