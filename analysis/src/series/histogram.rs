//! Durations of one kind: their histogram, and what it does not keep exactly.

use super::{Buckets, Extent, Subtracted};
use crate::own::OwnTime;
use crate::quantile::{Estimate, Quantile};

/// Durations of one kind.
#[derive(Clone, Debug)]
pub struct Series {
    buckets: Buckets,
    min_ns: u64,
    max_ns: u64,
    /// Of as many durations as there can be, the longest that there can be.
    sum_ns: u128,
    subtracted: Subtracted,
    is_mixture: bool,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            buckets: Buckets::default(),
            min_ns: u64::MAX,
            max_ns: 0,
            sum_ns: 0,
            subtracted: Subtracted::default(),
            is_mixture: false,
        }
    }
}

impl Series {
    /// Durations that were counted elsewhere: their histogram, the shortest and the longest, their sum, and what was subtracted from them.
    pub fn of(buckets: Buckets, [min_ns, max_ns]: [u64; 2], sum_ns: u128, subtracted: Subtracted) -> Self {
        Self { buckets, min_ns, max_ns, sum_ns, subtracted, is_mixture: false }
    }

    /// All durations of several series.
    pub fn together<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut together = Self::default();
        all.into_iter().for_each(|series| together.merge(series));
        together
    }

    /// Adds one duration.
    pub fn record(&mut self, ns: u64) {
        self.buckets.record(ns);
        self.min_ns = self.min_ns.min(ns);
        self.max_ns = self.max_ns.max(ns);
        self.sum_ns += u128::from(ns);
    }

    /// Adds one duration without the probes' own time in it.
    pub fn record_corrected(&mut self, measured_ns: u64, own: OwnTime) {
        self.record(measured_ns.saturating_sub(own.ns));
        self.subtracted.record(own);
    }

    /// Adds all durations of another series: exact, bucket by bucket.
    pub fn merge(&mut self, other: &Self) {
        self.buckets.add(&other.buckets);
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.subtracted.add(&other.subtracted);
        self.is_mixture |= other.is_mixture;
    }

    /// From now on it is durations of several page counts, or of several domains, and has no quantiles: which of them a median of all
    /// falls on says how many operations of each there were, and not how long any of them takes.
    pub fn mix(&mut self) {
        self.is_mixture = true;
    }

    /// Whether it is durations of several page counts, or of several domains.
    pub fn is_mixture(&self) -> bool {
        self.is_mixture
    }

    /// How many durations.
    pub fn count(&self) -> u64 {
        self.buckets.count()
    }

    /// The shortest; `None`: nothing recorded.
    pub fn min_ns(&self) -> Option<u64> {
        self.known(self.min_ns)
    }

    /// The longest; `None`: nothing recorded.
    pub fn max_ns(&self) -> Option<u64> {
        self.known(self.max_ns)
    }

    /// All together: exact.
    pub fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// The mean; `None`: nothing recorded.
    pub fn mean_ns(&self) -> Option<f64> {
        self.known(self.sum_ns as f64 / self.count() as f64)
    }

    /// What was subtracted from them: it is not in any of the other numbers.
    pub fn subtracted(&self) -> &Subtracted {
        &self.subtracted
    }

    /// From how many of them something was subtracted; `None`: nothing recorded.
    pub fn extent(&self) -> Option<Extent> {
        self.known(self.subtracted.extent(self.count()))
    }

    /// What was subtracted, on average: with the mean it is the mean of what was measured; `None`: nothing was.
    pub fn mean_own_ns(&self) -> Option<f64> {
        self.if_corrected(self.subtracted.own_ns as f64 / self.count() as f64)
    }

    /// How far off that may be; `None`: nothing was subtracted.
    pub fn mean_own_error_ns(&self) -> Option<f64> {
        self.if_corrected(self.subtracted.error_ns as f64 / self.count() as f64)
    }

    /// The value below which this share of the durations lies (`quantile` in [0, 1]), to 3 significant digits; `None`: nothing
    /// recorded, or a mixture.
    pub fn quantile_ns(&self, quantile: f64) -> Option<u64> {
        let ns = self.known(self.buckets.quantile(quantile).clamp(self.min_ns, self.max_ns.max(self.min_ns)));
        ns.filter(|_| !self.is_mixture)
    }

    /// The same with whether there are enough durations for it.
    pub fn quantile(&self, quantile: &Quantile) -> Option<Estimate> {
        let is_carried = quantile.is_carried_by(self.count());
        self.quantile_ns(quantile.part).map(|ns| Estimate { ns, is_carried })
    }

    /// The histogram beneath.
    pub fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    fn if_corrected<T>(&self, value: T) -> Option<T> {
        (self.subtracted.operations > 0).then_some(value)
    }

    fn known<T>(&self, value: T) -> Option<T> {
        (self.count() > 0).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(durations: &[u64]) -> Series {
        let mut series = Series::default();
        durations.iter().for_each(|&ns| series.record(ns));
        series
    }

    #[test]
    fn merging_gives_what_recording_into_one_series_gives() {
        let (few, many) = ([7, 90_000], [u64::MAX / 4, 1_234_567, 3]);
        let mut merged = series(&few);
        merged.merge(&series(&many));
        let whole = series(&[&few[..], &many].concat());
        assert_eq!(merged.buckets(), whole.buckets());
        assert_eq!((merged.min_ns, merged.max_ns, merged.sum_ns), (whole.min_ns, whole.max_ns, whole.sum_ns));
    }

    #[test]
    fn what_was_subtracted_is_kept_beside_the_durations() {
        let mut corrected = Series::default();
        assert_eq!(corrected.extent(), None);
        corrected.record_corrected(100, OwnTime { ns: 10, error_ns: 2 });
        assert_eq!((corrected.extent(), corrected.mean_own_ns()), (Some(Extent::All), Some(10.0)));
        let mut both = series(&[100]);
        assert_eq!((both.extent(), both.mean_own_ns(), both.mean_own_error_ns()), (Some(Extent::Nothing), None, None));
        both.merge(&corrected);
        assert_eq!((both.extent(), both.sum_ns()), (Some(Extent::Partly), 190));
        assert_eq!(*both.subtracted(), Subtracted { operations: 1, own_ns: 10, error_ns: 2 });
        // 95 were left of 100 on average.
        assert_eq!((both.mean_ns(), both.mean_own_ns(), both.mean_own_error_ns()), (Some(95.0), Some(5.0), Some(1.0)));
    }

    #[test]
    fn quantiles_of_long_durations_are_true_to_three_digits() {
        let an_hour = 3_600_000_000_000;
        let durations: Vec<u64> = (1..=1_000).map(|i| i * 1_000).chain([an_hour]).collect();
        let series = series(&durations);
        let quantiles = [0.5, 0.9].map(|quantile| series.quantile_ns(quantile).unwrap());
        assert!(quantiles[0].abs_diff(501_000) <= 501 && quantiles[1].abs_diff(901_000) <= 901, "{quantiles:?}");
        assert_eq!(series.quantile_ns(1.0), Some(an_hour));
    }

    #[test]
    fn merging_nothing_into_nothing_stays_unknown() {
        let mut merged = Series::default();
        merged.merge(&Series::default());
        assert_eq!((merged.count(), merged.min_ns(), merged.quantile_ns(0.5)), (0, None, None));
    }

    #[test]
    fn a_mixture_has_no_quantiles_and_what_it_is_merged_into_neither() {
        let mut mixture = series(&[1, 2, 3]);
        assert_eq!(mixture.quantile_ns(0.5), Some(2));
        mixture.mix();
        let mut merged = series(&[4]);
        merged.merge(&mixture);
        assert_eq!((mixture.quantile_ns(0.5), merged.quantile_ns(0.5), merged.is_mixture()), (None, None, true));
        assert_eq!((merged.count(), merged.sum_ns(), merged.max_ns()), (4, 10, Some(4)));
    }
}
