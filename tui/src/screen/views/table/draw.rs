//! The table: one row per kind of operation, and details of the selected one below.

use grantscope_analysis::model::Outcome;
use grantscope_analysis::report::metrics::METRICS;
use grantscope_analysis::report::units;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Paragraph, Wrap};

use crate::screen::model::activity::SECONDS;
use crate::screen::model::columns::{Column, P50, metric};
use crate::screen::model::common::Common;
use crate::screen::model::listing::Listing;
use crate::screen::model::rows::Row;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::views::table::detail;
use crate::screen::views::table::state::{Panes, Table};
use crate::screen::widgets::bar;
use crate::screen::widgets::visible::visible;

/// Lines of the details below the table, where there is room for them.
const DETAIL_LINES: u16 = 11;
/// Of a high terminal, the details take this part.
const DETAIL_PART: u16 = 3;

/// Draws table and details.
pub fn draw(canvas: &mut Canvas, area: Rect, table: &Table, common: &Common, theme: &Theme) {
    let lower = detail_lines(area.height, table.panes, &common.listing);
    let [upper, lower] = Layout::vertical([Constraint::Min(0), Constraint::Length(lower)]).areas(area);
    draw_table(canvas, upper, common, theme);
    detail::draw(canvas, lower, table.panes, common, theme);
}

/// Half of a low terminal, a third of a high one; no more than the stages need.
fn detail_lines(height: u16, panes: Panes, listing: &Listing) -> u16 {
    if panes == Panes::Neither || listing.rows().is_empty() {
        return 0;
    }
    // What the table does not need, the details may have.
    let spare = height.saturating_sub(listing.rows().len() as u16 + 1);
    let wanted = DETAIL_LINES.max(height / DETAIL_PART).max(spare.min(height * 2 / 3));
    wanted.min(height / 2 + height / 8)
}

fn draw_table(canvas: &mut Canvas, area: Rect, common: &Common, theme: &Theme) {
    if common.listing.rows().is_empty() {
        canvas.render_widget(Paragraph::new(nothing_yet(common)).wrap(Wrap { trim: true }), area);
        return;
    }
    let columns = columns(common, area.width.into());
    let mut lines = vec![Line::styled(heading(&columns, common), theme.heading())];
    let visible =
        visible(common.listing.selected().unwrap_or(0), common.listing.rows().len(), area.height.saturating_sub(1).into());
    for index in visible.clone() {
        lines.push(line(&common.listing.rows()[index], common.listing.selected() == Some(index), &columns, theme));
    }
    canvas.render_widget(Text::from(lines), area);
}

fn nothing_yet(common: &Common) -> &'static str {
    match common.ended() {
        None => "No operation so far. Rows appear here as soon as someone maps, exports, imports or copies grants.",
        Some(_) => "The recording holds no operation.",
    }
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

fn columns(common: &Common, width: usize) -> Vec<Seen> {
    let sorted_by = common.listing.order().column;
    let (always, others) = BY_IMPORTANCE.split_at(ALWAYS);
    // What the rows are sorted by must be seen.
    let (sorted, rest): (Vec<Column>, Vec<Column>) = others.iter().partition(|&&column| column == sorted_by);
    let mut room = width.saturating_sub(MARKER_WIDTH);
    let mut seen: Vec<Seen> = Vec::new();
    for column in always.iter().copied().chain(sorted).chain(rest) {
        let width = match column {
            Column::Minute => minute_width(room.saturating_sub(1)),
            column => Some(column_width(column, common)),
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

fn column_width(column: Column, common: &Common) -> usize {
    match column {
        Column::Operation => text::name_width(common.listing.rows().iter().map(|row| row.group.name())),
        Column::Buffer => 8,
        Column::Pages => 5,
        Column::Outcome => common.listing.rows().iter().map(|row| row.group.outcome.name().len()).max().unwrap_or(0).clamp(7, 12),
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

fn heading(columns: &[Seen], common: &Common) -> String {
    let cells = columns.iter().map(|seen| {
        let mut name = column_name(seen, common).to_owned();
        if seen.column == common.listing.order().column {
            name.push(if common.listing.order().is_ascending() { '▲' } else { '▼' });
        }
        pad(&name, seen)
    });
    format!("  {}", cells.collect::<Vec<_>>().join(" "))
}

fn column_name(seen: &Seen, common: &Common) -> &'static str {
    match seen.column {
        Column::Operation => "operation",
        Column::Buffer => "buffer",
        Column::Pages => "pages",
        Column::Outcome => "outcome",
        Column::Count => "count",
        Column::Rate => text::rate_heading(common),
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
