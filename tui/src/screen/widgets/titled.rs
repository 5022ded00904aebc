//! A part of the picture with a title.

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders};

use crate::screen::theme::Theme;

/// A line with a title; what is left below it.
pub fn titled(canvas: &mut Canvas, area: Rect, title: &str, theme: &Theme) -> Rect {
    let block = Block::new().borders(Borders::TOP).border_style(theme.frame()).title(title).title_style(theme.heading());
    let inner = block.inner(area);
    canvas.render_widget(block, area);
    inner
}
