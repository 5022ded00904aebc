//! A heat map: time from left to right, duration from bottom to top, and below it how often, and marks.

use grantscope_analysis::history::{Column, Window};
use grantscope_analysis::model::Phase;
use grantscope_analysis::shown::counted;
use grantscope_analysis::units;
use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};

use super::said;
use super::state::{LEAST_ROWS, Seen, Time};
use crate::screen::model::common::Common;
use crate::screen::model::timeline::LABEL_COLUMNS;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::widgets::bar;
use crate::screen::widgets::titled::titled;

/// From few operations to as many as in the fullest cell: each shade stands for equally many doublings.
const SHADES: [&str; 4] = ["░", "▒", "▓", "█"];
/// A body of fewer lines has none for rates and phases, of which the words below say something too.
const LOW: u16 = 12;
/// The axis, and its times.
const AXIS_LINES: usize = 2;
/// In front of the axis.
const LABEL: usize = LABEL_COLUMNS - 1;

/// Draws it.
pub fn draw(canvas: &mut Canvas, area: Rect, view: &Time, common: &Common, theme: &Theme) {
    let Some(seen) = &view.seen else {
        canvas.render_widget(Text::from("Nothing was recorded so far."), area);
        return;
    };
    let inner = titled(canvas, area, &title(seen, common), theme);
    let (width, height) = (usize::from(inner.width), usize::from(inner.height));
    let is_low = area.height < LOW;
    let mut lanes: Vec<_> = (!is_low).then(|| rates(seen, theme)).into_iter().collect();
    lanes.extend(marks(seen, is_low, theme));
    lanes.extend(named(seen, common, theme));
    // Of a column that somebody looks at, the words say more than the lanes do.
    let words_first = is_low && seen.at.is_some();
    let others = AXIS_LINES + seen.heat.rows.len().clamp(1, LEAST_ROWS) + if words_first { 0 } else { lanes.len() };
    let said = said::lines(seen, common, width, height.saturating_sub(others).max(1), words_first);
    let room = height.saturating_sub(AXIS_LINES + said.len() + 1);
    let left_out = lanes.len().saturating_sub(room);
    lanes.truncate(room);
    let mut below = lanes;
    below.extend(axis(seen, left_out, common, theme));
    below.extend(said.into_iter().map(Line::from));
    let mut lines = heat(seen, height.saturating_sub(below.len()), theme);
    lines.extend(below);
    canvas.render_widget(Text::from(lines), inner);
}

fn title(seen: &Seen, common: &Common) -> String {
    let row =
        seen.subject.as_ref().map_or_else(|| "no row".to_owned(), |subject| text::group(&subject.group, subject.shows_domain));
    let data = common.whole();
    let times = if data.aggregate.times() == data.history_times() { "" } else { " (not the times of the other views)" };
    let length = units::duration(seen.span.window().length_ns() as f64);
    format!(" {row}: latency over {length}, {} a column{times} ", units::duration(seen.span.column_ns as f64))
}

/// The rows, the longest durations at the top, in so many lines.
fn heat(seen: &Seen, room: usize, theme: &Theme) -> Vec<Line<'static>> {
    let (heat, most) = (&seen.heat, seen.heat.most());
    if heat.rows.is_empty() {
        return vec![Line::styled("No operation of this row is in this time.", theme.frame()); room.min(1)];
    }
    let line = |row: usize| {
        let cells = (0..heat.columns.len()).map(|column| shade(heat.count(column, row), most));
        // Of what is in a row, the least.
        plotted(&format!("≥{}", units::duration(heat.rows[row].least_ns as f64)), cells, theme.bar(), seen, theme)
    };
    let skipped = heat.rows.len().saturating_sub(room);
    (skipped..heat.rows.len()).rev().map(line).collect()
}

fn shade(count: u64, most: u64) -> &'static str {
    if count == 0 {
        return " ";
    }
    let part = (count as f64).ln_1p() / (most as f64).ln_1p();
    SHADES[((part * SHADES.len() as f64).ceil() as usize).clamp(1, SHADES.len()) - 1]
}

/// A line with a label, and a character in each column.
fn plotted<'a>(label: &str, cells: impl Iterator<Item = &'a str>, style: Style, seen: &Seen, theme: &Theme) -> Line<'static> {
    let mut line = vec![Span::raw(format!("{label:>LABEL$}")), Span::styled("│", theme.frame())];
    let cells: Vec<_> = cells.collect();
    let at = seen.at.as_ref().map_or(cells.len(), |(place, _)| *place);
    let (before, rest) = cells.split_at(at.min(cells.len()));
    line.push(Span::styled(before.concat(), style));
    if let Some((at, after)) = rest.split_first() {
        line.extend([Span::styled((*at).to_owned(), style.patch(theme.selected())), Span::styled(after.concat(), style)]);
    }
    Line::from(line)
}

/// Operations of the row in each column, up to the highest rate, which is the label.
fn rates(seen: &Seen, theme: &Theme) -> Line<'static> {
    let columns = &seen.heat.columns;
    let operations: Vec<_> = columns.iter().map(|column| column.operations).collect();
    let most = columns.iter().max_by_key(|column| column.operations).map(|column| {
        // Columns can be too short for a rate that is one; of so many of them the highest still says how high the bar is.
        column.operations as f64 * 1e9 / column.window.length_ns().max(1) as f64
    });
    let bars = bar::sparkline(&operations);
    plotted(&text::rate(most), bars.split("").filter(|cell| !cell.is_empty()), theme.bar(), seen, theme)
}

/// A sort of marks: a line where there are any.
struct Mark {
    label: &'static str,
    style: fn(Theme) -> Style,
    of: fn(&Column) -> &'static str,
}

const MARKS: [Mark; 4] = [
    Mark { label: "lost", style: Theme::bad, of: |column| if column.events.all_lost() > 0 { "L" } else { " " } },
    Mark { label: "failed", style: Theme::bad, of: |column| if column.events.failed > 0 { "F" } else { " " } },
    Mark { label: "deferred", style: Theme::warning, of: |column| if column.events.deferred > 0 { "d" } else { " " } },
    Mark { label: "phase", style: Theme::frame, of: phase },
];

/// The phase that most operations were in.
fn phase(column: &Column) -> &'static str {
    let most = Phase::ALL.iter().zip(column.events.by_phase).max_by_key(|(_, count)| *count);
    match most {
        Some((phase, 1..)) => &phase.name()[..1],
        _ => " ",
    }
}

/// Of few lines, the phases get none: nothing is wrong in them.
fn marks(seen: &Seen, is_low: bool, theme: &Theme) -> Vec<Line<'static>> {
    let columns = &seen.heat.columns;
    let wanted = &MARKS[..if is_low { MARKS.len() - 1 } else { MARKS.len() }];
    let there = wanted.iter().filter(|mark| columns.iter().any(|column| (mark.of)(column) != " "));
    there.map(|mark| plotted(mark.label, columns.iter().map(mark.of), (mark.style)(*theme), seen, theme)).collect()
}

/// The columns that have a mark by somebody.
fn named(seen: &Seen, common: &Common, theme: &Theme) -> Option<Line<'static>> {
    let marks = common.whole().history.marks();
    let has_one = |column: &Column| marks.within(column.window.from_ns..column.window.to_ns).next().is_some();
    let cells: Vec<_> = seen.heat.columns.iter().map(|column| if has_one(column) { "m" } else { " " }).collect();
    cells.contains(&"m").then(|| plotted("mark", cells.into_iter(), theme.heading(), seen, theme))
}

/// The axis with the column that is looked at, how many lanes have no room above it, and the times at both ends.
fn axis(seen: &Seen, left_out: usize, common: &Common, theme: &Theme) -> [Line<'static>; AXIS_LINES] {
    let columns = seen.heat.columns.len();
    let at = seen.at.as_ref().map(|(place, _)| *place);
    let line: String = (0..columns).map(|place| if Some(place) == at { '▲' } else { '─' }).collect();
    let Window { from_ns, to_ns } = seen.span.window();
    let [from, to] = [from_ns, to_ns].map(|ns| text::second(common, ns));
    let left_out = if left_out == 0 { String::new() } else { format!("+{}", counted(left_out as u64, "lane")) };
    // Of few columns the second stands beyond them, with a blank between.
    let width = columns.saturating_sub(from.chars().count()).max(to.chars().count() + 1);
    [
        Line::styled(format!("{left_out:>LABEL$}└{line}"), theme.frame()),
        Line::styled(format!("{:LABEL$} {from}{to:>width$}", ""), theme.frame()),
    ]
}
