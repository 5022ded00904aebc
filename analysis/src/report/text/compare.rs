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
const RATIO_WIDTH: usize = 8;
/// Before the ratios.
const SEPARATOR: &str = " |";
/// As many ratios at most.
const SHOWN: [Ratio; 2] = [RATIOS[0], RATIOS[1]];

/// A row for each operation, page count and outcome, a column for each buffer kind, and in a table of so many columns as many ratios as have
/// room; below, which of them are of different domains.
pub fn table(recording: &Aggregate, columns: usize) -> String {
    let rows = rows(recording, false, MEDIAN);
    let names: Vec<_> = rows.iter().map(Row::name).collect();
    let width = name_width(names.iter().map(String::as_str), NAME_WIDTH);
    let mut text = format!("{:<width$} {:>6} {:<9} {:>9} │", "operation", "pages", "outcome", "count");
    for heading in ["pages p50", "wc p50", "coh. p50"] {
        let _ = write!(text, " {heading:>10}");
    }
    let room = columns.saturating_sub(self::width(&text) + SEPARATOR.len());
    let shown = &SHOWN[..SHOWN.len().min(room / (1 + RATIO_WIDTH))];
    ratios(&mut text, shown.iter().map(|ratio| ratio.heading.to_owned()));
    for row in &rows {
        line(&mut text, row, width, shown);
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

/// Ends a line.
fn ratios(text: &mut String, each: impl ExactSizeIterator<Item = String>) {
    if each.len() > 0 {
        text.push_str(" │");
    }
    each.for_each(|ratio| {
        let _ = write!(text, " {ratio:>RATIO_WIDTH$}");
    });
    text.push('\n');
}

fn line(text: &mut String, row: &Row, width: usize, shown: &[Ratio]) {
    let subject = &row.subject;
    let (pages, count) = (pages(subject.pages), counts(row));
    let _ = write!(text, "{:<width$.width$} {pages:>6} {:<9} {count:>9} │", Shown(&row.name()), subject.outcome);
    for value in row.values() {
        let _ = write!(text, " {:>10}", value.map_or_else(|| units::UNKNOWN.to_owned(), |value| value.to_string()));
    }
    ratios(text, shown.iter().map(|shown| ratio(row.ratio(shown.of, shown.base))));
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
