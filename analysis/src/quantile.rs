//! The quantiles that reports show, and how many operations each of them needs.

use std::fmt;

use crate::units;

/// A quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// What people call it.
    pub name: &'static str,
    /// Its column in files.
    pub column: &'static str,
    /// The part of the durations that is at most this, in [0, 1].
    pub part: f64,
    /// With fewer operations it is marked: it is then close to a single one of them, and the next run has another.
    pub needs: u64,
}

/// The median. With fewer operations than this, two runs of one program do not repeat it.
pub const P50: Quantile = Quantile { name: "p50", column: "p50_ns", part: 0.5, needs: 50 };
/// It cannot be better than the median; with 50 operations, five are above it.
pub const P90: Quantile = Quantile { name: "p90", column: "p90_ns", part: 0.9, needs: 50 };
/// With fewer than 100 operations it is the longest of them.
pub const P99: Quantile = Quantile { name: "p99", column: "p99_ns", part: 0.99, needs: 100 };
/// With fewer than 1,000 operations it is the longest of them.
pub const P999: Quantile = Quantile { name: "p99.9", column: "p999_ns", part: 0.999, needs: 1_000 };

/// All of them: the one table of what a quantile needs.
pub const QUANTILES: [Quantile; 4] = [P50, P90, P99, P999];

/// Before a quantile, and whatever is made of it, that has too few operations.
pub const MARK: &str = "~";

/// The mark, or nothing.
pub fn mark(is_carried: bool) -> &'static str {
    if is_carried { "" } else { MARK }
}

/// What the mark means, in a line.
pub fn legend() -> String {
    format!("{MARK} {}", legend_words())
}

/// The same without the mark itself.
pub fn legend_words() -> String {
    let needs: Vec<_> = QUANTILES.iter().map(|quantile| format!("{} {}", quantile.name, quantile.needs)).collect();
    format!("too few operations: {}", needs.join(", ").replacen(' ', " needs ", 1))
}

impl Quantile {
    /// Whether this many operations are enough for it.
    pub fn is_carried_by(&self, count: u64) -> bool {
        count >= self.needs
    }
}

/// What a quantile is for some durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// In nanoseconds.
    pub ns: u64,
    /// Whether there were enough operations for it.
    pub is_carried: bool,
}

/// For a screen: with a unit and three digits, and with the mark where it has one.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", mark(self.is_carried), units::duration(self.ns as f64)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_quantile_needs_fewer_operations_than_the_one_below() {
        assert!(QUANTILES.is_sorted_by(|a, b| a.part < b.part && a.needs <= b.needs));
    }

    #[test]
    fn a_quantile_is_marked_below_what_it_needs_and_not_from_there_on() {
        assert_eq!(QUANTILES.map(|quantile| quantile.is_carried_by(quantile.needs - 1)), [false; 4]);
        assert_eq!(QUANTILES.map(|quantile| quantile.is_carried_by(quantile.needs)), [true; 4]);
        let shown = |is_carried| Estimate { ns: 1_234, is_carried }.to_string();
        assert_eq!([shown(true), shown(false)], ["1.23 µs", "~1.23 µs"]);
    }

    #[test]
    fn the_table_of_quantiles_in_the_documents_is_this_one() {
        let rows: String = QUANTILES.iter().map(|quantile| format!("| {} | {} |\n", quantile.name, quantile.needs)).collect();
        let table = format!("| quantile | operations that it needs |\n| --- | --- |\n{rows}\n");
        let document = include_str!("../../docs/results.md");
        assert!(document.contains(&table), "docs/results.md has another table of quantiles than this:\n\n{table}");
    }

    #[test]
    fn the_legend_fits_into_a_narrow_terminal() {
        assert_eq!(legend(), "~ too few operations: p50 needs 50, p90 50, p99 100, p99.9 1000");
        assert!(legend().len() < 80);
    }
}
