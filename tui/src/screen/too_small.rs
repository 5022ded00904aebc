//! What is said when there is no room for a picture.

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Wrap};

/// The smallest width: operation, kind of buffer, pages and the median.
const COLUMNS: u16 = 40;
/// The smallest height: header, some rows, what the selected one is, and the footer.
const LINES: u16 = 12;

/// Whether there is no room.
pub fn is_too_small(area: Rect) -> bool {
    area.width < COLUMNS || area.height < LINES
}

/// Says what is needed.
pub fn draw(canvas: &mut Canvas, area: Rect) {
    let text = format!(
        "This terminal has {} columns and {} lines; grantscope needs {COLUMNS} and {LINES}. Make it larger, or q to quit.",
        area.width, area.height
    );
    canvas.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
}
