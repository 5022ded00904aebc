//! A line for each of the slowest, and the stages of the one that is opened as bars on its time line.

use grantscope_analysis::history::{Exemplar, MOST_EXEMPLARS};
use grantscope_analysis::quantile::P50;
use grantscope_analysis::shown::{Shown, cut, head, width as width_of};
use grantscope_analysis::stages::Segment;
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span, Text};

use super::state::{Since, Slow};
use crate::screen::command::Command;
use crate::screen::model::columns::NARROW;
use crate::screen::model::common::Common;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::wrap::{fitted, wrap};
use crate::screen::widgets::{bar, meaning};

/// The name of a stage.
const NAME: usize = 16;
/// A duration.
const TIME: usize = 9;
/// The stages need as many lines, the two ends of their axis among them.
const LEAST_STAGES: usize = 4;
/// Title and heading of the list, title of the time line.
const OTHER_LINES: usize = 3;

/// Draws it.
pub fn draw(canvas: &mut Canvas, area: Rect, view: &Slow, common: &Common, theme: &Theme) {
    let inner = titled(canvas, area, &title(view, common), theme);
    let Some((selected, opened)) = view.selected() else {
        canvas.render_widget(Text::from_iter(wrap(&nothing(view, common), inner.width.into())), inner);
        return;
    };
    let width = usize::from(inner.width);
    // The opened one is seen in any case: what is above it may have no room.
    let room = usize::from(area.height).saturating_sub(OTHER_LINES + LEAST_STAGES).clamp(1, view.operations.len());
    let first = (selected + 1).saturating_sub(room);
    let mut lines = vec![Line::styled(heading(width), theme.heading())];
    for place in first..first + room {
        let text = row(&view.operations[place], place, place == selected, common, width);
        lines.push(if place == selected { Line::styled(text, theme.selected()) } else { Line::raw(text) });
    }
    let above = lines.len() as u16;
    canvas.render_widget(Text::from(lines), inner);
    let [_, rest] = Layout::vertical([Constraint::Length(above), Constraint::Min(0)]).areas(inner);
    let inner = titled(canvas, rest, &opened_title(opened), theme);
    canvas.render_widget(Text::from(opened_lines(opened, common, usize::from(inner.height), width, theme)), inner);
}

fn title(view: &Slow, common: &Common) -> String {
    let row =
        view.subject.as_ref().map_or_else(|| "no row".to_owned(), |subject| text::group(&subject.group, subject.shows_domain));
    let (since, other) = match view.since {
        Since::Ever => ("of all time", "of the last minute"),
        Since::Lately => ("of the last 30 to 60 s", "of all time"),
    };
    let key = common.keys.shown(Command::Sort);
    format!(" {row}: the {MOST_EXEMPLARS} slowest {since} ({key}: {other}) ")
}

fn nothing(view: &Slow, common: &Common) -> String {
    match (view.since, &view.subject) {
        (_, None) => "Nothing was recorded so far.".to_owned(),
        _ if common.past_ns().is_some() => "No operation of this row had ended by then.".to_owned(),
        (Since::Lately, _) => "No operation of this row ended in the last 30 s.".to_owned(),
        (Since::Ever, _) => {
            "No operation of this row is kept: only of the 256 rows that had operations last are some.".to_owned()
        }
    }
}

/// A column of the list.
struct Column {
    name: &'static str,
    width: usize,
    value: fn(&Exemplar, &Common) -> String,
}

/// From left to right, behind the place; what ended how, and who did it, follows them.
const COLUMNS: [Column; 6] = [
    Column { name: "took", width: TIME, value: |one, _| units::duration(one.ns as f64) },
    Column { name: "began at", width: 11, value: |one, common| text::second(common, one.start_ns) },
    Column { name: "pages", width: 5, value: |one, _| text::maybe(one.pages) },
    Column { name: "domid", width: 5, value: |one, _| text::maybe(one.domid) },
    Column { name: "pid", width: 7, value: |one, _| one.tgid.to_string() },
    Column { name: "thread", width: 7, value: |one, _| one.tid.to_string() },
];
/// The place in the list.
const PLACE: usize = 3;
/// How it ended, and a name in full; of a narrow terminal, as much of one as tells it from others.
const LEAST_REST: usize = 18;
const LEAST_REST_NARROW: usize = 13;
/// With fewer columns, names do not stand below each other.
const COLUMNS_OF_NAMES: usize = 80;

/// As many columns as leave room for how it ended, and who did it: the first.
fn columns_seen(width: usize) -> &'static [Column] {
    let rest = if width < NARROW { LEAST_REST_NARROW } else { LEAST_REST };
    let takes = |count: usize| PLACE + COLUMNS[..count].iter().map(|column| column.width + 1).sum::<usize>() + 2 + rest;
    let count = (0..=COLUMNS.len()).rev().find(|&count| takes(count) <= width).unwrap_or(0);
    &COLUMNS[..count]
}

fn heading(width: usize) -> String {
    let columns = columns_seen(width).iter();
    let cells: String = columns.map(|column| format!(" {:>width$}", column.name, width = column.width)).collect();
    fitted(&format!("{:PLACE$}{cells}  outcome, and who", ""), width)
}

fn row(one: &Exemplar, place: usize, is_selected: bool, common: &Common, width: usize) -> String {
    let outcome = one.cause.map_or_else(|| one.outcome.to_string(), |cause| format!("{} {}", one.outcome, cause.name()));
    let columns = columns_seen(width).iter();
    let cells: String = columns.map(|column| format!(" {:>width$}", (column.value)(one, common), width = column.width)).collect();
    let place = format!("{}{}", if is_selected { "▸" } else { " " }, place + 1);
    let outcome_width = if width < COLUMNS_OF_NAMES { 0 } else { 8 };
    cut(&format!("{place:<PLACE$}{cells}  {outcome:<outcome_width$} {}", Shown(&one.comm)), width).into_owned()
}

/// What of the opened one has no column; `None`: all has one.
fn left_out(one: &Exemplar, common: &Common, width: usize) -> Option<String> {
    let columns = &COLUMNS[columns_seen(width).len()..];
    let facts: Vec<_> = columns.iter().map(|column| format!("{} {}", column.name, (column.value)(one, common))).collect();
    (!facts.is_empty()).then(|| fitted(&facts.join(" · "), width))
}

fn opened_title(one: &Exemplar) -> String {
    let measured = units::duration(one.measured_ns as f64);
    let own = one.measured_ns.saturating_sub(one.ns);
    let own = if own == 0 { String::new() } else { format!(", of which {} are the probes' own", units::duration(own as f64)) };
    format!(" this one as it was measured: {measured}{own} ")
}

/// Its stages one after the other, in so many lines: where they have no room, the longest of them.
fn opened_lines(one: &Exemplar, common: &Common, height: usize, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let axis = width.saturating_sub(NAME + TIME + 3);
    let mut lines: Vec<_> = left_out(one, common, width).map(Line::from).into_iter().collect();
    let room = height.saturating_sub(1 + lines.len());
    let remarks = remarks(one, common, width);
    let (seen, left_out) = longest(&one.stages, room);
    lines.extend(seen.iter().map(|segment| stage(segment, one.measured_ns, axis, theme)));
    lines.push(ends(one, left_out, axis, theme));
    let spare = height.saturating_sub(lines.len());
    lines.extend(remarks.into_iter().take(spare).map(Line::from));
    lines
}

/// The longest in the order in which they followed each other, so many at most with a line for the rest; how many are left out, and how long
/// they took.
fn longest(all: &[Segment], room: usize) -> (Vec<Segment>, Option<(usize, u64)>) {
    if all.len() <= room {
        return (all.to_vec(), None);
    }
    let mut places: Vec<_> = (0..all.len()).collect();
    places.sort_by_key(|&place| std::cmp::Reverse(all[place].ns));
    let left_out = places.split_off(room.min(all.len()));
    places.sort_unstable();
    let ns = left_out.iter().map(|&place| all[place].ns).sum();
    (places.into_iter().map(|place| all[place]).collect(), Some((left_out.len(), ns)))
}

fn stage(segment: &Segment, whole_ns: u64, axis: usize, theme: &Theme) -> Line<'static> {
    let part = |ns: u64| ns as f64 / whole_ns.max(1) as f64;
    let before = ((part(segment.begin_ns) * axis as f64) as usize).min(axis.saturating_sub(1));
    let room = axis - before;
    let blocks = bar::horizontal(part(segment.ns) * axis as f64 / room.max(1) as f64, room);
    Line::from(vec![
        Span::raw(format!("  {:<NAME$}{:>TIME$}", segment.stage.name(), units::duration(segment.ns as f64))),
        Span::styled(format!("│{:before$}", ""), theme.frame()),
        Span::styled(blocks, theme.bar()),
    ])
}

/// Both ends of the axis, and what of the stages has no line.
fn ends(one: &Exemplar, left_out: Option<(usize, u64)>, axis: usize, theme: &Theme) -> Line<'static> {
    let indent = NAME + TIME + 2;
    let left = left_out.map_or_else(String::new, |(count, ns)| format!("  {count} shorter: {}", units::duration(ns as f64)));
    let end = units::duration(one.measured_ns as f64);
    let rest = axis.saturating_sub(width_of(&end) + 1);
    Line::styled(format!("{:<indent$}└0{:rest$}{end}", head(&left, indent), "", rest = rest.saturating_sub(1)), theme.frame())
}

/// What its longest stage is, and how it compares with the others of its row.
fn remarks(one: &Exemplar, common: &Common, width: usize) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(row) = common.listing.detail()
        && let Some(p50) = row.total.quantile(&P50).filter(|p50| p50.ns > 0)
    {
        sentences.push(format!("{:.1} times the p50 of this row, {p50}.", one.ns as f64 / p50.ns as f64));
    }
    if one.stages_incomplete {
        sentences.push("A hook of it was missed: some of its stages may be in the one around them.".to_owned());
    }
    if let Some(segment) = one.stages.iter().max_by_key(|segment| segment.ns) {
        sentences.push(meaning::of_stage(segment.stage));
    }
    sentences.iter().flat_map(|sentence| wrap(sentence, width)).collect()
}
