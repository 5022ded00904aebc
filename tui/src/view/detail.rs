//! The selected row below the table: its histogram, and where the time goes.

use grantscope_analysis::series::aggregate::list_of;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Text;
use ratatui::widgets::{Block, Borders};

use super::theme::Theme;
use super::{histogram, stages, text};
use crate::state::detail::{CauseRow, Detail};
use crate::state::overlay::wrap;
use crate::state::{Panes, State};

/// Draws the panes that are wanted.
pub fn draw(canvas: &mut Canvas, area: Rect, state: &State, theme: &Theme) {
    let Some(detail) = state.detail() else { return };
    let what = match state.panes() {
        Panes::Neither => return,
        Panes::Histogram => "latency",
        Panes::Stages => "where the time goes",
        Panes::Both => "latency, and where the time goes",
    };
    let inner = titled(canvas, area, &format!(" {}: {what} ", text::group(&detail.group)), theme);
    let inner = why(canvas, inner, &causes(detail), theme);
    match state.panes() {
        Panes::Neither => {}
        Panes::Histogram => histogram::draw(canvas, inner, &detail.total, theme),
        Panes::Stages => stages::draw(canvas, inner, detail, theme),
        Panes::Both => {
            let [left, right] = halves(inner);
            histogram::draw(canvas, left, &detail.total, theme);
            stages::draw(canvas, right, detail, theme);
        }
    }
}

/// Why the operations of the row failed: `grants_refused 12 × (bad_gntref 12)`. Empty: nothing to tell.
fn causes(detail: &Detail) -> String {
    let each = detail.causes.iter().map(|row| format!("{} {} ×{}", row.cause.name(), row.count, statuses(row)));
    each.collect::<Vec<_>>().join(", ")
}

/// The same with what each cause is, for where there is room.
pub fn causes_in_words(detail: &Detail) -> String {
    let each =
        detail.causes.iter().map(|row| format!("{} {} ×{}: {}", row.cause.name(), row.count, statuses(row), row.cause.about()));
    each.collect::<Vec<_>>().join("; ")
}

fn statuses(row: &CauseRow) -> String {
    let list = list_of(&row.statuses, " ", ", ");
    if list.is_empty() { list } else { format!(" ({list})") }
}

/// Says why, in lines above the rest; what is left below them. A row that did not fail loses no line.
pub fn why(canvas: &mut Canvas, area: Rect, causes: &str, theme: &Theme) -> Rect {
    if causes.is_empty() {
        return area;
    }
    let lines = wrap(&format!("why: {causes}"), area.width.into());
    // The rest needs most of the room.
    let most = (area.height / 3).max(1);
    let parts = [Constraint::Length((lines.len() as u16).min(most)), Constraint::Min(0)];
    let [top, rest] = Layout::vertical(parts).areas(area);
    canvas.render_widget(Text::from_iter(lines).style(theme.heading()), top);
    rest
}

/// Left and right, with a gap between. Stages have numbers beside their bars: they get a little more.
pub fn halves(area: Rect) -> [Rect; 2] {
    let parts = [Constraint::Percentage(45), Constraint::Length(1), Constraint::Min(0)];
    let [left, _, right] = Layout::horizontal(parts).areas(area);
    [left, right]
}

/// A line with a title; what is left below it.
pub fn titled(canvas: &mut Canvas, area: Rect, title: &str, theme: &Theme) -> Rect {
    let block = Block::new().borders(Borders::TOP).border_style(theme.frame()).title(title).title_style(theme.heading());
    let inner = block.inner(area);
    canvas.render_widget(block, area);
    inner
}
