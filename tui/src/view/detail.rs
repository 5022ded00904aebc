//! The selected row below the table: its histogram, and where the time goes.

use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::widgets::{Block, Borders};

use super::theme::Theme;
use super::{histogram, stages, text};
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
