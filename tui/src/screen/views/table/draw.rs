//! The table: one row per kind of operation, and details of the selected one below.

use std::ops::Range;

use grantscope_analysis::model::{Outcome, answer};
use grantscope_analysis::series::{Pages, SeriesKey};
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Paragraph, Wrap};

use crate::screen::model::columns::{BUFFER, COUNT, Column, OUTCOME, PAGES};
use crate::screen::model::common::Common;
use crate::screen::model::detail::Detail;
use crate::screen::model::rows::Row;
use crate::screen::open::SHAPE;
use crate::screen::text;
use crate::screen::theme::Theme;
use crate::screen::views::table::detail;
use crate::screen::views::table::fitting::{Seen, cell, columns, heading, line, pad};
use crate::screen::views::table::state::{Panes, Table};
use crate::screen::widgets::detail::causes;
use crate::screen::widgets::meaning;
use crate::screen::widgets::visible::visible;
use crate::screen::widgets::wrap::fitted;

/// Lines of the details below the table, where there is room for them.
const DETAIL_LINES: u16 = 11;
/// Of a high terminal, the details take this part.
const DETAIL_PART: u16 = 3;

/// Lines below the rows at most.
const MOST_FOOT: u16 = 3;
/// In a lower body all lines are for the table, but where somebody asks for one of the details.
const LEAST_WITH_DETAILS: u16 = 12;

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
    let has_room = height >= LEAST_WITH_DETAILS || panes != Panes::Both;
    if panes == Panes::Neither || listing.rows().is_empty() || !has_room {
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
    let has_details = detail_lines(common.body_lines, panes, common) > 0;
    room >= LEAST_WITH_LEGEND && (has_details && listing.detail().is_some_and(Detail::is_marked) || is_marked())
}

/// The last lines of a table of this height: the mark before a quantile, and what the selected row is.
fn foot(height: u16, panes: Panes, common: &Common, columns: &[Seen]) -> Vec<String> {
    let width = common.size.columns;
    let mut lines: Vec<_> = left_out(common, columns).into_iter().map(|line| fitted(&line, width)).collect();
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

/// What of the selected row has no column, and where it is: how it ended, and how many there are. `None`: both have one.
fn left_out(common: &Common, columns: &[Seen]) -> Option<String> {
    let row = common.listing.detail().filter(|_| !is_seen(columns, OUTCOME) || !is_seen(columns, COUNT))?;
    let outcome = match row.group.outcome {
        outcome if answer(row.group.op, outcome).is_some() => format!("{outcome}, no failure"),
        // A part of each failed, though the whole of it is said to have succeeded.
        Outcome::Ok if !row.causes.is_empty() => format!("failed in part: {}", causes(row)),
        outcome => outcome.to_string(),
    };
    let pages = if is_seen(columns, PAGES) || row.group.pages == Pages::All {
        String::new()
    } else {
        format!("{} · ", text::pages_spoken(row.group.pages))
    };
    Some(format!("{pages}{outcome} · count {} · {}: all of it", row.total.count(), common.keys.shown(SHAPE)))
}

fn is_seen(columns: &[Seen], column: Column) -> bool {
    columns.iter().any(|seen| seen.column == column)
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

/// The same with its look: the kind of buffer has its colour where the whole row has none.
fn drawn(row: &Row, selected: bool, columns: &[Seen], theme: &Theme) -> Line<'static> {
    let style = row_style(row, selected, theme);
    let mut spans = vec![Span::styled(if selected { "▸" } else { " " }, style)];
    // The outcome says it where it has a column.
    let mut gap = if is_failure(row) && !is_seen(columns, OUTCOME) { FAILED } else { " " };
    for seen in columns {
        let (cell, kind) = (pad(&cell(row, seen), seen), text::buffer(row.group.buffer));
        spans.push(Span::styled(std::mem::replace(&mut gap, " "), style));
        match cell.strip_prefix(kind).filter(|_| seen.column == BUFFER && style == Style::new()) {
            Some(blanks) => {
                spans.extend([Span::styled(kind, theme.kind(row.group.buffer)), Span::raw(blanks.to_owned())]);
            }
            None => spans.push(Span::styled(cell, style)),
        }
    }
    Line::from(spans)
}

/// In front of a row that failed.
const FAILED: &str = "!";

fn is_failure(row: &Row) -> bool {
    row.members.iter().any(SeriesKey::is_failure)
}

fn row_style(row: &Row, selected: bool, theme: &Theme) -> Style {
    let style = if is_failure(row) { theme.bad() } else { Style::new() };
    if selected { style.patch(theme.selected()) } else { style }
}
