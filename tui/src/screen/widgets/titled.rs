//! A part of the picture with a title.

use grantscope_analysis::shown::width as width_of;
use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Borders};

use crate::screen::theme::Theme;
use crate::screen::widgets::wrap::fitted;

/// A line with a title, which is cut at a word where it is too long; what is left below it.
pub fn titled(canvas: &mut Canvas, area: Rect, title: &str, theme: &Theme) -> Rect {
    let width = usize::from(area.width);
    let title =
        if width_of(title) <= width { title.to_owned() } else { format!(" {}", fitted(title.trim(), width.saturating_sub(1))) };
    let block = Block::new().borders(Borders::TOP).border_style(theme.frame()).title(title).title_style(theme.heading());
    let inner = block.inner(area);
    canvas.render_widget(block, area);
    inner
}
