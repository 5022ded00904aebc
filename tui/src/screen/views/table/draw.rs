//! The table: one row per kind of operation, and details of the selected one below.

use std::ops::Range;

use grantscope_analysis::column::{Align, COLUMNS};
use grantscope_analysis::series::SeriesKey;
use grantscope_analysis::series::activity::SECONDS;
use grantscope_analysis::shown::{self, cut, width as width_of};
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Paragraph, Wrap};

use crate::screen::model::columns::{self, ALWAYS, BUFFER, COUNT, Column, OPERATION, OUTCOME, SHOWN, Shown};
use crate::screen::model::common::Common;
use crate::screen::model::detail::Detail;
use crate::screen::model::rows::Row;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::views::table::detail;
use crate::screen::views::table::state::{Panes, Table};
use crate::screen::widgets::visible::visible;
use crate::screen::widgets::{bar, meaning};

/// Lines of the details below the table, where there is room for them.
const DETAIL_LINES: u16 = 11;
/// Of a high terminal, the details take this part.
const DETAIL_PART: u16 = 3;

/// Lines below the rows at most.
const MOST_FOOT: u16 = 3;

/// Draws table and details.
pub fn draw(canvas: &mut Canvas, area: Rect, table: &Table, common: &Common, theme: &Theme) {
    let lower = detail_lines(area.height, table.panes, common);
    let [upper, lower] = Layout::vertical([Constraint::Min(0), Constraint::Length(lower)]).areas(area);
    draw_table(canvas, upper, table.panes, common, theme);
    detail::draw(canvas, lower, table.panes, common, theme);
}

/// Half of a low terminal, a third of a high one; no more than the stages need.
fn detail_lines(height: u16, panes: Panes, common: &Common) -> u16 {
    let listing = &common.listing;
    if panes == Panes::Neither || listing.rows().is_empty() {
        return 0;
    }
    // What the table does not need, the details may have.
    let spare = height.saturating_sub(listing.rows().len() as u16 + 1 + MOST_FOOT);
    let wanted = DETAIL_LINES.max(height / DETAIL_PART).max(spare.min(height * 2 / 3));
    wanted.min(height / 2 + height / 8)
}

/// How many rows have room on this screen.
pub fn rows_seen(panes: Panes, common: &Common) -> usize {
    let height = common.body_lines;
    let height = height.saturating_sub(detail_lines(height, panes, common));
    let columns = columns(common, common.size.columns);
    usize::from(height.saturating_sub(1)).saturating_sub(foot(height, panes, common, &columns).len())
}

/// The row in this line, the first of which is the heading.
pub fn row_at(line: usize, panes: Panes, common: &Common) -> Option<usize> {
    seen(common, rows_seen(panes, common)).nth(line.checked_sub(1)?)
}

/// Whether the last line of a table of this height explains the mark before a quantile.
fn has_legend(height: u16, panes: Panes, common: &Common, columns: &[Seen]) -> bool {
    let (listing, room) = (&common.listing, usize::from(height.saturating_sub(1)));
    let is_marked = || {
        let lines = seen(common, room).map(|index| line(&listing.rows()[index], columns));
        text::is_marked(&lines.collect::<Vec<_>>())
    };
    room >= LEAST_WITH_LEGEND && (panes != Panes::Neither && listing.detail().is_some_and(Detail::is_marked) || is_marked())
}

/// The last lines of a table of this height: the mark before a quantile, and what the selected row is.
fn foot(height: u16, panes: Panes, common: &Common, columns: &[Seen]) -> Vec<String> {
    let width = common.size.columns;
    let mut lines = Vec::new();
    if has_legend(height, panes, common, columns) {
        lines.push(text::legend(width, &common.keys));
    }
    let most = match height.saturating_sub(1).into() {
        0..LEAST_WITH_LEGEND => 0,
        LEAST_WITH_LEGEND..LEAST_WITH_WORDS => 1,
        _ => 2,
    };
    if let Some(row) = common.listing.detail() {
        lines.extend(meaning::lines(&meaning::of_row(&row.group, &row.causes), width, most));
    }
    lines
}

/// Which rows are seen where so many have room.
fn seen(common: &Common, room: usize) -> Range<usize> {
    visible(common.listing.selected().unwrap_or(0), common.listing.rows().len(), room)
}

/// The table, above these panes.
fn draw_table(canvas: &mut Canvas, area: Rect, panes: Panes, common: &Common, theme: &Theme) {
    if common.listing.rows().is_empty() {
        canvas.render_widget(Paragraph::new(nothing_yet(common)).wrap(Wrap { trim: true }), area);
        return;
    }
    let columns = columns(common, area.width.into());
    let listing = &common.listing;
    let foot = foot(area.height, panes, common, &columns);
    let room = usize::from(area.height.saturating_sub(1)).saturating_sub(foot.len());
    let mut lines = vec![Line::styled(heading(&columns, common), theme.heading())];
    for index in seen(common, room) {
        lines.push(drawn(&listing.rows()[index], listing.selected() == Some(index), &columns, theme));
    }
    lines.extend(foot.into_iter().map(|line| Line::styled(line, theme.frame())));
    canvas.render_widget(Text::from(lines), area);
}

fn nothing_yet(common: &Common) -> &'static str {
    match common.ended() {
        _ if common.past_ns().is_some() => "No operation had ended by then.",
        _ if common.listing.hidden() > 0 => "The filter hides all rows: / changes it, and an empty one shows all.",
        None => "No operation so far. Rows appear here as soon as someone maps, exports, imports or copies grants.",
        Some(_) => "The recording holds no operation.",
    }
}

/// With fewer lines than this for rows, each of them is needed for one.
const LEAST_WITH_LEGEND: usize = 5;
/// With as many, what the selected row is may have two.
const LEAST_WITH_WORDS: usize = 10;

/// A column that is seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    column: Column,
    width: usize,
}

/// The longest names of errnos are cut.
const WIDEST_OUTCOME: usize = 12;
/// Names are cut to this at most.
const LEAST_NAME: usize = 12;
/// The marker of the selected row, and a blank.
const MARKER_WIDTH: usize = 2;

fn columns(common: &Common, width: usize) -> Vec<Seen> {
    let sorted_by = common.listing.order().column;
    let mut by_rank = columns::shown(common.listing.rows().iter().any(|row| row.is_mixture));
    // What the rows are sorted by must be seen.
    by_rank.sort_by_key(|shown| (shown.rank >= ALWAYS, shown.rank >= ALWAYS && shown.column != sorted_by, shown.rank));
    let mut room = width.saturating_sub(MARKER_WIDTH);
    let mut seen: Vec<Seen> = Vec::new();
    for shown in by_rank {
        let width = match shown.column {
            Column::Minute => minute_width(room.saturating_sub(1)),
            _ => Some(column_width(&shown, common)),
        };
        let Some(width) = width else { continue };
        if seen.len() < ALWAYS || width < room {
            room = room.saturating_sub(width + 1);
            seen.push(Seen { column: shown.column, width });
        }
    }
    seen.sort_by_key(|seen| SHOWN.iter().position(|shown| shown.column == seen.column));
    shorten_names(&mut seen, width);
    seen
}

/// Of what does not fit, names are cut: a number without its end is another number.
fn shorten_names(seen: &mut [Seen], width: usize) {
    let needed = MARKER_WIDTH + seen.iter().map(|seen| seen.width + 1).sum::<usize>() - seen.len().min(1);
    let names = seen.iter_mut().find(|seen| seen.column == OPERATION);
    names.into_iter().for_each(|names| names.width -= needed.saturating_sub(width).min(names.width.saturating_sub(LEAST_NAME)));
}

/// Wider than usual only where a name needs it.
fn column_width(shown: &Shown, common: &Common) -> usize {
    let rows = common.listing.rows().iter();
    match shown.column {
        // Its heading also says which row is selected.
        OPERATION => {
            text::name_width(rows.map(Row::name), shown.width.max(OPERATION_HEADING + 2 * digits(common.listing.rows().len())))
        }
        Column::PerPage => rows.map(|row| width_of(&text::cell(row, shown.column))).fold(shown.width, usize::max),
        OUTCOME => rows.map(|row| row.group.outcome.name().len()).max().unwrap_or(0).clamp(shown.width, WIDEST_OUTCOME),
        _ => shown.width,
    }
}

/// `operation 12/110▲`, without the digits of both numbers.
const OPERATION_HEADING: usize = 12;

fn digits(number: usize) -> usize {
    number.to_string().len()
}

/// The widest sparkline in which every character stands for equally many seconds; `None`: no room for one.
fn minute_width(room: usize) -> Option<usize> {
    [1, 2, 3, 4].into_iter().map(|seconds| SECONDS / seconds).find(|&width| width <= room)
}

fn heading(columns: &[Seen], common: &Common) -> String {
    let cells = columns.iter().map(|seen| {
        let mut name = column_name(seen, common).to_owned();
        if let (OPERATION, Some(selected)) = (seen.column, common.listing.selected()) {
            name.push_str(&format!(" {}/{}", selected + 1, common.listing.rows().len()));
        }
        if seen.column == common.listing.order().column {
            name.push(if common.listing.order().is_ascending() { '▲' } else { '▼' });
        }
        pad(&name, seen)
    });
    format!("  {}", cells.collect::<Vec<_>>().join(" "))
}

const MINUTE_IN_WORDS: &str = "operations, each of the last 60 s";

fn column_name(seen: &Seen, common: &Common) -> &'static str {
    match seen.column {
        Column::Of(place) => COLUMNS[place].heading,
        Column::PerPage => "p50 per page",
        Column::Rate => text::rate_heading(common),
        Column::Minute if seen.width >= MINUTE_IN_WORDS.len() => MINUTE_IN_WORDS,
        Column::Minute => "ops, last 60 s",
    }
}

/// What a row says.
fn line(row: &Row, columns: &[Seen]) -> String {
    columns.iter().map(|seen| pad(&cell(row, seen), seen)).collect::<Vec<_>>().join(" ")
}

/// The same with its look: the kind of buffer has its colour where the whole row has none.
fn drawn(row: &Row, selected: bool, columns: &[Seen], theme: &Theme) -> Line<'static> {
    let style = row_style(row, selected, theme);
    let mut spans = vec![Span::styled(if selected { "▸" } else { " " }, style)];
    for seen in columns {
        let (cell, kind) = (pad(&cell(row, seen), seen), text::buffer(row.group.buffer));
        spans.push(Span::styled(" ", style));
        match cell.strip_prefix(kind).filter(|_| seen.column == BUFFER && style == Style::new()) {
            Some(blanks) => {
                spans.extend([Span::styled(kind, theme.kind(row.group.buffer)), Span::raw(blanks.to_owned())]);
            }
            None => spans.push(Span::styled(cell, style)),
        }
    }
    Line::from(spans)
}

fn row_style(row: &Row, selected: bool, theme: &Theme) -> Style {
    let style = if row.members.iter().any(SeriesKey::is_failure) { theme.bad() } else { Style::new() };
    if selected { style.patch(theme.selected()) } else { style }
}

fn cell(row: &Row, seen: &Seen) -> String {
    match seen.column {
        Column::Minute => bar::sparkline(&folded(&row.minute, seen.width)),
        COUNT => text::count(row.count),
        OPERATION => text::shortened(&row.name(), seen.width),
        column => text::cell(row, column),
    }
}

/// Sums neighbours until there are `width` values.
fn folded(minute: &[u64; SECONDS], width: usize) -> Vec<u64> {
    minute.chunks(SECONDS / width.max(1)).map(|seconds| seconds.iter().sum()).collect()
}

/// What does not fit is cut with a mark: a number without its end is another number.
fn pad(text: &str, seen: &Seen) -> String {
    let width = seen.width;
    let text = cut(text, width);
    let text = shown::Shown(&text);
    match seen.column.align() {
        Align::Left => format!("{text:<width$}"),
        Align::Right => format!("{text:>width$}"),
    }
}
