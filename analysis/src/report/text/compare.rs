//! Buffer kinds side by side, as a table: medians, and what the DMA kinds cost relative to pages.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::column::{Column, METRICS, place};
use crate::compare::{RATIOS, Ratio, Row, across_domains, rows};
use crate::quantile::{P50, mark};
use crate::series::{Aggregate, Pages, Range};
use crate::shown::{Shown, escaped, width};
use crate::units;

/// The first column's width, where no name is longer.
const NAME_WIDTH: usize = 15;
/// What is compared.
const MEDIAN: &Column = &METRICS[place(METRICS, P50.column)];
/// As many ratios as fit into a terminal of usual width.
const SHOWN: [Ratio; 2] = [RATIOS[0], RATIOS[1]];

/// A row for each operation, page count and outcome, a column for each buffer kind; below, which of them are of different domains.
pub fn table(recording: &Aggregate) -> String {
    let rows = rows(recording, false, MEDIAN);
    let names: Vec<_> = rows.iter().map(Row::name).collect();
    let width = name_width(names.iter().map(String::as_str), NAME_WIDTH);
    let mut text = format!("{:<width$} {:>6} {:<9} {:>9} │", "operation", "pages", "outcome", "count");
    for heading in ["pages p50", "wc p50", "coh. p50"] {
        let _ = write!(text, " {heading:>10}");
    }
    let _ = writeln!(text, " │ {:>8} {:>8}", SHOWN[0].heading, SHOWN[1].heading);
    for row in &rows {
        line(&mut text, row, width);
    }
    let across = across_domains(&rows);
    if !across.is_empty() {
        let _ = writeln!(text, "compared across domains: {}", across.join(", "));
    }
    text
}

/// The width of a column of such names: as wide as the longest, but no wider than a kernel function and its module need.
pub fn name_width<'a>(names: impl Iterator<Item = &'a str>, least: usize) -> usize {
    const MOST: usize = 120;
    names.map(|name| width(&escaped(name))).fold(least, usize::max).min(MOST)
}

fn line(text: &mut String, row: &Row, width: usize) {
    let subject = &row.subject;
    let (pages, count) = (pages(subject.pages), counts(row));
    let _ = write!(text, "{:<width$.width$} {pages:>6} {:<9} {count:>9} │", Shown(&row.name()), subject.outcome);
    for value in row.values() {
        let _ = write!(text, " {:>10}", value.map_or_else(|| units::UNKNOWN.to_owned(), |value| value.to_string()));
    }
    let [first, second] = SHOWN.map(|shown| ratio(row.ratio(shown.of, shown.base)));
    let _ = writeln!(text, " │ {first:>8} {second:>8}");
}

/// Of one page count: with the mark where one of the two medians has it.
fn ratio(ratio: Option<Range>) -> String {
    ratio.map_or_else(|| units::UNKNOWN.to_owned(), |ratio| format!("{}{:.2}", mark(ratio.is_carried), ratio.high))
}

fn pages(pages: Pages) -> String {
    match pages {
        Pages::Unknown => units::UNKNOWN.to_owned(),
        Pages::Exactly(pages) => pages.to_string(),
        Pages::Within(range) => range.to_string(),
        Pages::All => "all".to_owned(),
    }
}

/// One number, or the range where the kinds differ.
fn counts(row: &Row) -> String {
    let counts: BTreeSet<u64> = row.cells.iter().flatten().map(|cell| cell.series.count()).collect();
    match (counts.first(), counts.last()) {
        (Some(least), Some(most)) if least == most => least.to_string(),
        (Some(least), Some(most)) => format!("{least}–{most}"),
        _ => units::UNKNOWN.to_owned(),
    }
}
