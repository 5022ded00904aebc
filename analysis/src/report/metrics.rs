//! The one table of metrics: name, unit, description. CSV header, screen and documents read it.

use crate::series::aggregate::Series;

/// A number that is told about a series.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Column name, unit included.
    pub name: &'static str,
    /// Short heading for a screen.
    pub heading: &'static str,
    /// What it is.
    pub about: &'static str,
    /// Its value; `None`: not known.
    pub value: fn(&Series) -> Option<f64>,
}

macro_rules! quantile {
    ($q:literal) => {
        |series: &Series| series.quantile_ns($q).map(|ns| ns as f64)
    };
}

/// Metrics of a series, in the order in which they are told.
pub const METRICS: &[Metric] = &[
    Metric { name: "min_ns", heading: "min", about: "the shortest", value: |series| series.min_ns().map(|ns| ns as f64) },
    Metric { name: "p50_ns", heading: "p50", about: "half are at most this", value: quantile!(0.50) },
    Metric { name: "p90_ns", heading: "p90", about: "90 % are at most this", value: quantile!(0.90) },
    Metric { name: "p99_ns", heading: "p99", about: "99 % are at most this", value: quantile!(0.99) },
    Metric { name: "p999_ns", heading: "p99.9", about: "99.9 % are at most this", value: quantile!(0.999) },
    Metric { name: "max_ns", heading: "max", about: "the longest", value: |series| series.max_ns().map(|ns| ns as f64) },
    Metric { name: "mean_ns", heading: "mean", about: "sum divided by count", value: Series::mean_ns },
    Metric { name: "sum_ns", heading: "sum", about: "all together", value: |series| Some(series.sum_ns() as f64) },
];

#[cfg(test)]
mod tests {
    use grantscope_wire::{Cause, Op, Stage};

    use super::*;
    use crate::report::export;

    const DOCUMENT: &str = include_str!("../../../docs/results.md");

    /// The document's table row for this name.
    fn row(name: &str) -> &'static str {
        let row = DOCUMENT.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        row.unwrap_or_else(|| panic!("docs/results.md has no row for `{name}`: add it"))
    }

    #[test]
    fn every_column_is_documented_with_the_words_of_the_table_of_metrics() {
        for column in export::csv::columns() {
            row(column);
        }
        for metric in METRICS {
            assert!(
                row(metric.name).ends_with(&format!("| ns | {} |", metric.about)),
                "docs/results.md: write `{}` as in METRICS",
                metric.name
            );
        }
    }

    #[test]
    fn every_operation_stage_and_cause_is_documented_with_its_own_words() {
        let lists =
            Op::ALL.iter().map(|op| (op.name(), op.about())).chain(Stage::ALL.iter().map(|stage| (stage.name(), stage.about())));
        let lists = lists.chain(Cause::ALL.iter().map(|cause| (cause.name(), cause.about())));
        for (name, about) in lists {
            // Not by name: an operation may be called as the stage that it mostly consists of.
            let expected = format!("| `{name}` | {about} |");
            assert!(
                DOCUMENT.lines().any(|line| line == expected),
                "docs/results.md differs from probes/wire, it needs: {expected}"
            );
        }
    }
}
