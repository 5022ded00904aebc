//! A comparison as CSV: a line for each quantile of each series.

use super::decision::Decision;
use super::words;
use crate::shown::escaped;

const COLUMNS: [&str; 14] = [
    "base",
    "head",
    "verdict",
    "series",
    "quantile",
    "limit",
    "base_ns",
    "head_ns",
    "base_count",
    "head_count",
    "quotient_low",
    "quotient",
    "quotient_high",
    "why",
];

/// All of them, in one table. What tells groups apart is behind the other columns, as in docs/results.md.
pub fn write(decisions: &[Decision<'_>]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = |error: csv::Error| unreachable!("memory takes every line: {error}");
    let group = decisions.first().map_or(&[][..], |decision| &decision.comparison.group.0);
    let of_group = group.iter().map(|(by, _)| escaped(&by.column()).into_owned());
    writer.write_record(COLUMNS.map(str::to_owned).into_iter().chain(of_group)).unwrap_or_else(written);
    for comparison in decisions.iter().map(|decision| decision.comparison) {
        for row in &comparison.rows {
            let maybe = |quotient: Option<f64>| quotient.map(|quotient| format!("{quotient:.6}")).unwrap_or_default();
            let [base, head] = comparison.names.each_ref().map(|name| escaped(name).into_owned());
            let cells = [
                base,
                head,
                row.verdict.name().to_owned(),
                words::subject(row),
                row.metric.to_string(),
                row.limit.to_string(),
                row.quantiles_ns[0].to_string(),
                row.quantiles_ns[1].to_string(),
                row.counts[0].to_string(),
                row.counts[1].to_string(),
                maybe(Some(row.interval.0)),
                maybe(row.quotient()),
                maybe(row.interval.1),
                words::why(row),
            ];
            let of_group = comparison.group.0.iter().map(|(_, value)| escaped(value.as_deref().unwrap_or_default()).into_owned());
            writer.write_record(cells.into_iter().chain(of_group)).unwrap_or_else(written);
        }
    }
    let bytes = writer.into_inner().unwrap_or_else(|error| unreachable!("memory takes every line: {error}"));
    String::from_utf8(bytes).unwrap_or_else(|error| unreachable!("text was written: {error}"))
}
