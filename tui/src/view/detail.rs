//! The selected row below the table: its histogram, and where the time goes.

use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::{Block, Borders};

use super::theme::Theme;
use super::{histogram, stages, text};
use crate::state::detail::Detail;
use crate::state::{Panes, State};

/// Draws the panes that are wanted.
pub fn draw(canvas: &mut Canvas, area: Rect, state: &State, theme: &Theme) {
    let Some(detail) = state.detail() else { return };
    match state.panes() {
        Panes::Neither => {}
        Panes::Histogram => draw_histogram(canvas, area, detail, theme, true),
        Panes::Stages => draw_stages(canvas, area, detail, theme, true),
        Panes::Both => {
            let halves = [Constraint::Percentage(50), Constraint::Length(1), Constraint::Min(0)];
            let [left, _, right] = Layout::horizontal(halves).areas(area);
            draw_histogram(canvas, left, detail, theme, true);
            draw_stages(canvas, right, detail, theme, false);
        }
    }
}

/// The histogram under its title.
pub fn draw_histogram(canvas: &mut Canvas, area: Rect, detail: &Detail, theme: &Theme, named: bool) {
    let inner = titled(canvas, area, &title("latency", detail, named), theme);
    histogram::draw(canvas, inner, &detail.total, theme);
}

/// The stages under their title.
pub fn draw_stages(canvas: &mut Canvas, area: Rect, detail: &Detail, theme: &Theme, named: bool) {
    let inner = titled(canvas, area, &title("where the time goes", detail, named), theme);
    stages::draw(canvas, inner, detail, theme);
}

fn title(what: &str, detail: &Detail, named: bool) -> String {
    if named { format!(" {}: {what} ", text::group(&detail.group)) } else { format!(" {what} ") }
}

/// A line with a title; what is left below it.
pub fn titled(canvas: &mut Canvas, area: Rect, title: &str, theme: &Theme) -> Rect {
    let block = Block::new().borders(Borders::TOP).border_style(theme.frame()).title(title).title_style(theme.heading());
    let inner = block.inner(area);
    canvas.render_widget(block, area);
    inner
}
