//! Two modes with a gap between them: a quantile at the gap is a time of one or of the other, whatever was changed.

use std::ops::RangeInclusive;

use super::ranks::Ranks;
use super::{DEFAULT, Limit};
use crate::series::Series;

/// Of all values, at most this part lies in the gap; and at least this part on each side of it, as near as the gap is wide.
const MOST_BETWEEN: f64 = 0.0125;
const LEAST_BESIDE: f64 = 0.1;

/// Two modes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Modes {
    /// The median of what is below the gap.
    pub short_ns: u64,
    /// And of what is above.
    pub long_ns: u64,
    /// The part of each side's values that is below.
    pub parts_below: [f64; 2],
}

/// The modes that a quantile in this window of both sides' values can lie between: apart by more than the limit.
pub fn between(base: &Series, head: &Series, window: RangeInclusive<f64>, limit: Limit) -> Option<Modes> {
    let mut all = base.buckets().clone();
    all.add(head.buckets());
    let ranks = Ranks::of(&all);
    let gap_ns = all.iter().map(|bucket| bucket.most).find(|&ns| {
        let part = ranks.part_at_most(ns);
        let Some(after) = ranks.reaching(part + MOST_BETWEEN).filter(|&after| after > limit.above(ns)) else { return false };
        let width = after - ns;
        let before = part - ranks.part_at_most(ns.saturating_sub(width));
        let beyond = ranks.part_at_most(after.saturating_add(width)) - part;
        window.contains(&part) && before >= LEAST_BESIDE && beyond >= LEAST_BESIDE
    })?;
    let part = ranks.part_at_most(gap_ns);
    let parts_below = [base, head].map(|side| Ranks::of(side.buckets()).part_at_most(gap_ns));
    Some(Modes { short_ns: all.quantile(part / 2.0), long_ns: all.quantile((1.0 + part) / 2.0), parts_below })
}

/// The modes of one series alone, apart by more than a difference that is judged without a limit.
pub fn modes_of(series: &Series) -> Option<Modes> {
    between(series, series, LEAST_BESIDE..=1.0 - LEAST_BESIDE, DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl IntoIterator<Item = u64>) -> Series {
        let mut series = Series::default();
        values.into_iter().for_each(|value| series.record(value));
        series
    }

    #[test]
    fn a_gap_is_found_with_what_is_on_both_sides_of_it() {
        let base = series([vec![135_000; 40], vec![157_000; 25]].concat());
        let head = series([vec![135_000; 25], vec![157_000; 40]].concat());
        let modes = between(&base, &head, 0.4..=0.6, DEFAULT).unwrap();
        assert!(modes.short_ns.abs_diff(135_000) < 150 && modes.long_ns.abs_diff(157_000) < 200, "{modes:?}");
        assert!((modes.parts_below[0] - 40.0 / 65.0).abs() < 1e-9);
        assert_eq!(between(&base, &head, 0.8..=0.9, DEFAULT), None, "the gap is not there");
        assert_eq!(between(&base, &head, 0.4..=0.6, Limit { part: 0.5, ns: 0 }), None, "modes that are as near are one");
    }

    #[test]
    fn what_is_spread_out_has_no_gap() {
        let spread = series((0..2_000).map(|i| 100_000 + 50 * i));
        assert_eq!(between(&spread, &spread, 0.45..=0.55, DEFAULT), None);
    }
}
