//! What happened in a column, or in all of them, in words.

use grantscope_analysis::history::{Column, Durations, Events, Interval, What, Window};
use grantscope_analysis::model::Phase;
use grantscope_analysis::quantile::P50;
use grantscope_analysis::report::text::marks::name as name_of;
use grantscope_analysis::select::written;
use grantscope_analysis::series::{SeriesKey, are_mixture};
use grantscope_analysis::shown::{counted, escaped};
use grantscope_analysis::units;

use super::state::{At, Seen};
use crate::screen::command::{Command, Travel};
use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::widgets::wrap::{first_of, wrap};

/// More of the series of a column are not named.
const MOST_NAMED: usize = 4;

/// The lines below the picture, of this width, so many at most. Where there are few, each fact of a column that is looked at has a line
/// before any has two.
pub fn lines(seen: &Seen, common: &Common, width: usize, most: usize, is_brief: bool) -> Vec<String> {
    let sentences = match &seen.at {
        Some((place, at)) if is_brief => brief(seen.span.column(*place), at, common),
        Some((place, at)) => of_column(seen.span.column(*place), at, common),
        None => of_all(seen, common),
    };
    let wrapped: Vec<_> = sentences.iter().map(|sentence| wrap(sentence, width)).collect();
    let is_cut = wrapped.iter().map(Vec::len).sum::<usize>() > most;
    let mut shown: Vec<String> = Vec::new();
    for (place, own) in wrapped.into_iter().enumerate() {
        let later = sentences.len() - place - 1;
        let room = if is_brief && is_cut { most.saturating_sub(shown.len() + later).max(1) } else { own.len() };
        shown.extend(first_of(own, room, width));
    }
    first_of(shown, most, width).into_iter().map(|line| line.replace('\u{a0}', " ")).collect()
}

/// A number and its unit stay together where lines are broken.
fn fact(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

fn joined(facts: impl IntoIterator<Item = String>) -> String {
    facts.into_iter().map(|text| fact(&text)).collect::<Vec<_>>().join(" · ")
}

fn of_column(column: Window, at: &At, common: &Common) -> Vec<String> {
    let when = fact(&format!("{}:", text::between(common, column.from_ns, column.to_ns)));
    let Some(all) = &at.of_all else { return vec![format!("{when} nothing happened")] };
    let operations = at.of_row.as_ref().map(of_row).unwrap_or_default();
    let mut lines = vec![format!("{when} this row {operations}"), format!("all rows and phases: {}", events(&all.events))];
    if all.window.length_ns() > column.length_ns() {
        let (from_ns, to_ns) = (all.window.from_ns, all.window.to_ns);
        lines.push(format!("(of {}: so long ago, time is told apart no more finely)", text::between(common, from_ns, to_ns)));
    }
    lines.extend(marks(column, common));
    let busiest = busiest(all);
    if !busiest.is_empty() {
        lines.push(format!("most often: {busiest}"));
    }
    if let Some((key, longest)) = longest(all) {
        lines.push(format!("longest of all: {}", fact(&format!("{key} {longest}"))));
    }
    lines
}

/// The same for few lines: what is found only here comes first, and of the longest its duration.
fn brief(column: Window, at: &At, common: &Common) -> Vec<String> {
    let mut lines = of_column(column, at, common);
    let Some(all) = &at.of_all else { return lines };
    let rest = lines.split_off(1);
    lines.extend(longest(all).map(|(key, longest)| format!("longest of all: {} {key}", fact(&longest))));
    lines.extend(marks(column, common));
    lines.extend(phases(&all.events));
    let is_said = |line: &String| line.starts_with("longest of all") || line.starts_with("marks: ");
    lines.extend(rest.into_iter().filter(|line| !is_said(line)));
    lines
}

/// The series of the longest operation, and how long that was.
fn longest(all: &Interval) -> Option<(String, String)> {
    let (key, durations) = all.series.iter().max_by_key(|(_, durations)| durations.max_ns())?;
    Some((name(key), units::maybe_duration(durations.max_ns().map(|ns| ns as f64))))
}

/// How many operations were in each phase; `None`: no command said any.
fn phases(events: &Events) -> Option<String> {
    let there = Phase::ALL.iter().zip(events.by_phase).filter(|(_, count)| *count > 0);
    let named: Vec<_> = there.map(|(phase, count)| format!("{} {count}", phase.name())).collect();
    (!named.is_empty()).then(|| format!("phase: {}", joined(named)))
}

/// The marks in a column; `None`: nobody made one.
fn marks(column: Window, common: &Common) -> Option<String> {
    let marks: Vec<_> = common.whole().history.marks().within(column.from_ns..column.to_ns).collect();
    let named = marks.iter().take(MOST_NAMED).map(|mark| format!("{} at {}", name_of(mark), text::second(common, mark.at_ns())));
    let more = marks.len().checked_sub(MOST_NAMED + 1).map(|more| format!("{} more", more + 1));
    (!marks.is_empty()).then(|| format!("marks: {}", joined(named.chain(more))))
}

fn of_row(row: &Interval) -> String {
    let durations = row.together();
    let keys: Vec<_> = row.series.iter().map(|(key, _)| *key).collect();
    joined([
        counted(durations.count(), "operation"),
        format!("p50 {}", median(&durations, are_mixture(&keys))),
        format!("max {}", units::maybe_duration(durations.max_ns().map(|ns| ns as f64))),
    ])
}

/// What is off by a sixteenth says so; of several sizes, there is none.
fn median(durations: &Durations, is_mixture: bool) -> String {
    let estimate = durations.quantile(&P50).filter(|_| !is_mixture);
    estimate.map_or_else(|| text::UNKNOWN.to_owned(), |estimate| format!("about {estimate}"))
}

fn events(events: &Events) -> String {
    joined([
        counted(events.operations, "operation"),
        format!("{} failed", events.failed),
        format!("{} lost", events.all_lost()),
        format!("{} deferred", events.deferred),
    ])
}

fn busiest(all: &Interval) -> String {
    let mut series: Vec<_> = all.series.iter().map(|(key, durations)| (durations.count(), key)).collect();
    series.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let named = series.iter().take(MOST_NAMED).map(|(count, key)| format!("{} {count}", name(key)));
    joined(named)
}

fn name(key: &SeriesKey) -> String {
    escaped(&written(key, false)).into_owned()
}

fn of_all(seen: &Seen, common: &Common) -> Vec<String> {
    let columns = &seen.heat.columns;
    let mut all = Events::default();
    columns.iter().for_each(|column| all.add(&column.events));
    let operations: u64 = columns.iter().map(|column| column.operations).sum();
    // Of equals the first, as the key finds it.
    let longest = columns.iter().rev().filter_map(|column| Some((column.max_ns?, column))).max_by_key(|(max_ns, _)| *max_ns);
    let longest = longest.map(|(max_ns, column): (u64, &Column)| {
        let Window { from_ns, to_ns } = column.window;
        format!("max {} in {}", units::duration(max_ns as f64), text::between(common, from_ns, to_ns))
    });
    let row = joined([counted(operations, "operation")].into_iter().chain(longest));
    vec![format!("this row: {row}"), format!("all rows and phases: {}", events(&all)), keys(common)]
}

fn keys(common: &Common) -> String {
    let key = |travel| common.keys.shown(Command::Travel(travel));
    let jumps = [
        Travel::Longest,
        Travel::Next(What::Failure),
        Travel::Next(What::Loss),
        Travel::Next(What::Deferral),
        Travel::Next(What::Phase),
        Travel::Next(What::Mark),
    ];
    let jumps = jumps.map(|travel| fact(&format!("{} {}", key(travel), common.keys.of(Command::Travel(travel)).word)));
    let [earlier, later] = [-1, 1].map(|by| key(Travel::Columns(by)));
    let [far_back, far_on] = [-10, 10].map(|by| key(Travel::Columns(by)));
    format!("What happened in a column: {earlier} {later} {far_back} {far_on} move to it, or {}.", jumps.join(", "))
}
