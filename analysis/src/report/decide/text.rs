//! A comparison for a terminal.

use std::fmt::Write;

use super::decision::Decision;
use super::words;
use crate::decide::{Comparison, Row};
use crate::shown::width;
use crate::units;

/// Worst first; what is equivalent is a line together.
pub fn write(decisions: &[Decision<'_>]) -> String {
    decisions.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(decision: &Decision<'_>) -> String {
    let comparison = decision.comparison;
    let mut text = format!("{}\n", words::heading(comparison));
    let told: Vec<_> = comparison.rows.iter().filter(|row| words::is_told(row)).collect();
    let subjects: Vec<_> = told.iter().map(|row| words::subject(row)).collect();
    let column = widest("series", subjects.iter().map(String::as_str));
    let metrics: Vec<_> = told.iter().map(|row| row.metric.to_string()).collect();
    let metric_column = widest("quantile", metrics.iter().map(String::as_str));
    if !told.is_empty() {
        let _ = writeln!(
            text,
            "{:<12} {:<column$} {:<metric_column$} {:>9} {:>9} {:>9} {:>9}  change [interval]",
            "verdict", "series", "quantile", "base", "head", "base n", "head n"
        );
    }
    for ((row, subject), metric) in told.iter().zip(&subjects).zip(&metrics) {
        let subject = format!("{subject:<column$} {metric:<metric_column$}");
        line(&mut text, comparison, row, &subject);
    }
    let equivalent = comparison.rows.len() - told.len();
    if equivalent > 0 {
        let limits = limits(comparison.rows.iter().filter(|row| !words::is_told(row)));
        let _ = writeln!(text, "equivalent   {equivalent} more, within {limits}");
    }
    for remark in &comparison.remarks {
        let _ = writeln!(text, "remark       {}", words::remark(decision, remark));
    }
    let certainty = if comparison.rows.is_empty() { String::new() } else { format!(": {}", words::certainty(comparison)) };
    let _ = writeln!(text, "{}{certainty}", words::verdicts(comparison));
    let _ = writeln!(text, "{}", words::outcome(decision));
    text
}

fn line(text: &mut String, comparison: &Comparison, row: &Row, subject: &str) {
    let [base, head] = row.quantiles_ns.map(|ns| units::duration(ns as f64));
    let [base_count, head_count] = row.counts;
    let _ = writeln!(
        text,
        "{:<12} {subject} {base:>9} {head:>9} {base_count:>9} {head_count:>9}  {}",
        words::verdict(comparison, row.verdict),
        words::change(row)
    );
    let why = words::why(row);
    if !why.is_empty() {
        let _ = writeln!(text, "{:<12} {why}", "");
    }
}

/// As wide as the widest of a column.
fn widest<'a>(heading: &'a str, cells: impl Iterator<Item = &'a str>) -> usize {
    cells.chain([heading]).map(width).max().unwrap_or(0)
}

/// Each that there is, once.
fn limits<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut all: Vec<_> = rows.map(|row| format!("({})", row.limit)).collect();
    all.sort();
    all.dedup();
    all.join(" or ")
}
