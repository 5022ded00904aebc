//! A comparison for programs, as docs/compare.schema.json says.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::decision::Decision;
use super::words;
use crate::decide::{More, Row};

/// The version of the form: a program can rely on what a version has, and new members can come.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    comparisons: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    group: BTreeMap<Cow<'a, str>, Option<&'a str>>,
    outcome: &'static str,
    base: Side<'a>,
    head: Side<'a>,
    error_rate: f64,
    rows: Vec<Judged>,
    remarks: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct Side<'a> {
    name: &'a str,
    runs: usize,
}

#[derive(Serialize)]
struct Judged {
    verdict: &'static str,
    series: String,
    quantile: String,
    limit_part: f64,
    limit_ns: u64,
    base_ns: u64,
    head_ns: u64,
    base_count: u64,
    head_count: u64,
    quotient: Option<f64>,
    quotient_low: f64,
    quotient_high: Option<f64>,
    stage: Option<&'static str>,
    stage_change_ns: Option<i64>,
    mode_short_ns: Option<u64>,
    mode_long_ns: Option<u64>,
    operations_needed: Option<u64>,
}

#[derive(Serialize)]
struct Said<'a> {
    name: Cow<'a, str>,
    text: String,
    allowed: bool,
}

/// One document with all of them.
pub fn write(decisions: &[Decision<'_>]) -> String {
    let document = Document { version: VERSION, comparisons: decisions.iter().map(one).collect() };
    let mut text =
        serde_json::to_string_pretty(&document).unwrap_or_else(|error| unreachable!("it has only text and numbers: {error}"));
    text.push('\n');
    text
}

fn one<'a>(decision: &Decision<'a>) -> One<'a> {
    let comparison = decision.comparison;
    let side = |place: usize| Side { name: &comparison.names[place], runs: comparison.runs[place] };
    let remarks = comparison.remarks.iter().map(|remark| {
        let allowed = decision.allows(remark);
        Said { name: remark.name(), text: words::remark(decision, remark), allowed }
    });
    One {
        group: comparison.group.0.iter().map(|(by, value)| (by.column(), value.as_deref())).collect(),
        outcome: decision.outcome.name(),
        base: side(0),
        head: side(1),
        error_rate: comparison.error_rate,
        rows: comparison.rows.iter().map(judged).collect(),
        remarks: remarks.collect(),
    }
}

fn judged(row: &Row) -> Judged {
    Judged {
        verdict: row.verdict.name(),
        series: words::subject(row),
        quantile: row.metric.to_string(),
        limit_part: row.limit.part,
        limit_ns: row.limit.ns,
        base_ns: row.quantiles_ns[0],
        head_ns: row.quantiles_ns[1],
        base_count: row.counts[0],
        head_count: row.counts[1],
        quotient: row.quotient(),
        quotient_low: row.interval.0,
        quotient_high: row.interval.1,
        stage: row.explained.map(|explained| explained.stage.name()),
        stage_change_ns: row.explained.map(|explained| explained.change_ns),
        mode_short_ns: row.modes.map(|modes| modes.short_ns),
        mode_long_ns: row.modes.map(|modes| modes.long_ns),
        operations_needed: if let Some(More::Operations(count)) = row.more { Some(count) } else { None },
    }
}
