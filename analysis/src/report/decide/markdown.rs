//! A comparison for a pull request.

use std::fmt::Write;

use super::decision::Decision;
use super::words;
use crate::units;

/// The verdict first, then what is not equivalent.
pub fn write(decisions: &[Decision<'_>]) -> String {
    decisions.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(decision: &Decision<'_>) -> String {
    let comparison = decision.comparison;
    let group = words::group(comparison).map(|group| format!(", {}", cell(&group))).unwrap_or_default();
    let mut text = format!("### grantscope{group}: {}\n\n", words::outcome(decision));
    let _ = writeln!(text, "{}. {}.", cell(&words::heading(comparison)), words::verdicts(comparison));
    let told: Vec<_> = comparison.rows.iter().filter(|row| words::is_told(row)).collect();
    if !told.is_empty() {
        text.push_str(
            "\n| verdict | series | quantile | base | head | change | why |\n| --- | --- | --- | ---: | ---: | ---: | --- |\n",
        );
    }
    for row in told {
        let [base, head] = row.quantiles_ns.map(|ns| units::duration(ns as f64));
        let [subject, why] = [words::subject(row), words::why(row)].map(|text| cell(&text));
        let (verdict, change) = (words::verdict(comparison, row.verdict), words::change(row));
        let _ = writeln!(text, "| **{verdict}** | `{subject}` | {} | {base} | {head} | {change} | {why} |", row.metric);
    }
    if !comparison.remarks.is_empty() {
        text.push('\n');
    }
    for remark in &comparison.remarks {
        let _ = writeln!(text, "* {}", cell(&words::remark(decision, remark)));
    }
    if !comparison.rows.is_empty() {
        let _ = writeln!(text, "\nHow sure: {}.", words::certainty(comparison));
    }
    text
}

/// Text that ends neither a cell nor a line of code, and begins no HTML.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('`', "'").replace('<', "&lt;")
}
