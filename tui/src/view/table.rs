//! The table: one row per kind of operation, and details of the selected one below.

use grantscope_analysis::model::Outcome;
use grantscope_analysis::report::metrics::METRICS;
use grantscope_analysis::report::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};

use super::theme::Theme;
use super::{bar, detail, text};
use crate::state::activity::SECONDS;
use crate::state::columns::{Column, P50, metric};
use crate::state::rows::Row;
use crate::state::{Panes, State};

/// Lines of the details below the table, where there is room for them.
const DETAIL_LINES: u16 = 11;
/// Of a high terminal, the details take this part.
const DETAIL_PART: u16 = 3;

/// Draws table and details.
pub fn draw(canvas: &mut Canvas, area: Rect, state: &State, theme: &Theme) {
    let lower = detail_lines(area.height, state);
    let [upper, lower] = Layout::vertical([Constraint::Min(0), Constraint::Length(lower)]).areas(area);
    draw_table(canvas, upper, state, theme);
    detail::draw(canvas, lower, state, theme);
}

/// Half of a low terminal, a third of a high one; no more than the stages need.
fn detail_lines(height: u16, state: &State) -> u16 {
    if state.panes() == Panes::Neither || state.rows().is_empty() {
        return 0;
    }
    // What the table does not need, the details may have.
    let spare = height.saturating_sub(state.rows().len() as u16 + 1);
    let wanted = DETAIL_LINES.max(height / DETAIL_PART).max(spare.min(height * 2 / 3));
    wanted.min(height / 2 + height / 8)
}

fn draw_table(canvas: &mut Canvas, area: Rect, state: &State, theme: &Theme) {
    if state.rows().is_empty() {
        canvas.render_widget(Paragraph::new(nothing_yet(state)).wrap(Wrap { trim: true }), area);
        return;
    }
    let columns = columns(state, area.width.into());
    let mut lines = vec![Line::styled(heading(&columns, state), theme.heading())];
    let visible = visible(state.selected().unwrap_or(0), state.rows().len(), area.height.saturating_sub(1).into());
    for index in visible.clone() {
        lines.push(line(&state.rows()[index], state.selected() == Some(index), &columns, theme));
    }
    canvas.render_widget(Text::from(lines), area);
}

fn nothing_yet(state: &State) -> &'static str {
    match state.ended() {
        None => "No operation so far. Rows appear here as soon as someone maps, exports, imports or copies grants.",
        Some(_) => "The recording holds no operation.",
    }
}

/// Which rows are seen: the selected one in the middle, as far as both ends allow.
pub fn visible(selected: usize, rows: usize, height: usize) -> std::ops::Range<usize> {
    let first = selected.saturating_sub(height / 2).min(rows.saturating_sub(height));
    first..rows.min(first + height)
}

/// A column that is seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    column: Column,
    width: usize,
}

/// The marker of the selected row, and a blank.
const MARKER_WIDTH: usize = 2;

/// In the order in which they are seen.
const ALL: [Column; 12] = [
    Column::Operation,
    Column::Buffer,
    Column::Pages,
    Column::Outcome,
    Column::Count,
    Column::Rate,
    Column::Metric(P50),
    Column::Metric(metric("p90_ns")),
    Column::Metric(metric("p99_ns")),
    Column::Metric(metric("p999_ns")),
    Column::Metric(metric("max_ns")),
    Column::Minute,
];

/// In the order in which they get room; the first six always do.
const BY_IMPORTANCE: [Column; 12] = [
    Column::Operation,
    Column::Buffer,
    Column::Pages,
    Column::Outcome,
    Column::Count,
    Column::Metric(P50),
    Column::Metric(metric("p99_ns")),
    Column::Metric(metric("max_ns")),
    Column::Rate,
    Column::Metric(metric("p90_ns")),
    Column::Metric(metric("p999_ns")),
    Column::Minute,
];
const ALWAYS: usize = 6;

fn columns(state: &State, width: usize) -> Vec<Seen> {
    let sorted_by = state.order().column;
    let (always, others) = BY_IMPORTANCE.split_at(ALWAYS);
    // What the rows are sorted by must be seen.
    let (sorted, rest): (Vec<Column>, Vec<Column>) = others.iter().partition(|&&column| column == sorted_by);
    let mut room = width.saturating_sub(MARKER_WIDTH);
    let mut seen: Vec<Seen> = Vec::new();
    for column in always.iter().copied().chain(sorted).chain(rest) {
        let width = match column {
            Column::Minute => minute_width(room.saturating_sub(1)),
            column => Some(column_width(column, state)),
        };
        let Some(width) = width else { continue };
        if seen.len() < ALWAYS || width < room {
            room = room.saturating_sub(width + 1);
            seen.push(Seen { column, width });
        }
    }
    seen.sort_by_key(|seen| ALL.iter().position(|&column| column == seen.column));
    seen
}

fn column_width(column: Column, state: &State) -> usize {
    match column {
        Column::Operation => text::name_width(state.rows().iter().map(|row| row.group.name())),
        Column::Buffer => 8,
        Column::Pages => 5,
        Column::Outcome => state.rows().iter().map(|row| row.group.outcome.name().len()).max().unwrap_or(0).clamp(7, 12),
        Column::Count => 8,
        Column::Rate => 9,
        Column::Metric(_) => 7,
        Column::Minute => SECONDS,
    }
}

/// The widest sparkline in which every character stands for equally many seconds; `None`: no room for one.
fn minute_width(room: usize) -> Option<usize> {
    [1, 2, 3, 4].into_iter().map(|seconds| SECONDS / seconds).find(|&width| width <= room)
}

fn heading(columns: &[Seen], state: &State) -> String {
    let cells = columns.iter().map(|seen| {
        let mut name = column_name(seen, state).to_owned();
        if seen.column == state.order().column {
            name.push(if state.order().is_ascending() { '▲' } else { '▼' });
        }
        pad(&name, seen)
    });
    format!("  {}", cells.collect::<Vec<_>>().join(" "))
}

fn column_name(seen: &Seen, state: &State) -> &'static str {
    match seen.column {
        Column::Operation => "operation",
        Column::Buffer => "buffer",
        Column::Pages => "pages",
        Column::Outcome => "outcome",
        Column::Count => "count",
        Column::Rate => text::rate_heading(state),
        Column::Metric(index) => METRICS[index].heading,
        Column::Minute if seen.width >= 30 => "operations, each of the last 60 s",
        Column::Minute => "ops, last 60 s",
    }
}

fn line(row: &Row, selected: bool, columns: &[Seen], theme: &Theme) -> Line<'static> {
    let cells: Vec<_> = columns.iter().map(|seen| pad(&cell(row, seen), seen)).collect();
    let marker = if selected { "▸" } else { " " };
    Line::styled(format!("{marker} {}", cells.join(" ")), row_style(row, selected, theme))
}

fn row_style(row: &Row, selected: bool, theme: &Theme) -> Style {
    let style = if row.group.outcome == Outcome::Ok { Style::new() } else { theme.warning() };
    if selected { style.patch(theme.selected()) } else { style }
}

fn cell(row: &Row, seen: &Seen) -> String {
    let group = &row.group;
    match seen.column {
        Column::Operation => group.name(),
        Column::Buffer => text::buffer(group.buffer).to_owned(),
        Column::Pages => text::pages(group.pages),
        Column::Outcome => group.outcome.name().into_owned(),
        Column::Count => text::count(row.count),
        Column::Rate => text::rate(row.rate),
        Column::Metric(index) => units::maybe_duration(row.values[index]),
        Column::Minute => bar::sparkline(&folded(&row.minute, seen.width)),
    }
}

/// Sums neighbours until there are `width` values.
fn folded(minute: &[u64; SECONDS], width: usize) -> Vec<u64> {
    minute.chunks(SECONDS / width.max(1)).map(|seconds| seconds.iter().sum()).collect()
}

/// Words to the left, numbers to the right.
fn pad(text: &str, seen: &Seen) -> String {
    let width = seen.width;
    let text: String = text.chars().take(width).collect();
    match seen.column {
        Column::Operation | Column::Buffer | Column::Outcome | Column::Minute => format!("{text:<width$}"),
        Column::Pages | Column::Count | Column::Rate | Column::Metric(_) => format!("{text:>width$}"),
    }
}

#[cfg(test)]
mod tests {
    use super::visible;

    #[test]
    fn the_selected_row_is_always_seen() {
        for (rows, height) in [(0, 5), (3, 5), (40, 7), (40, 1)] {
            for selected in 0..rows {
                let seen = visible(selected, rows, height);
                assert!(seen.contains(&selected) && seen.len() == rows.min(height), "{selected} of {rows} in {height}");
            }
        }
    }
}
