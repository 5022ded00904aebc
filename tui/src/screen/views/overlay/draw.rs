//! The screens of text.

use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Text};
use ratatui::widgets::{Block, Borders};

use crate::screen::app::{Overlay, State};
use crate::screen::footer;
use crate::screen::theme::Theme;
use crate::screen::views::overlay::state::{Line as TextLine, Tone};

/// Draws the text, a title above and the footer below it.
pub fn draw(canvas: &mut Canvas, area: Rect, state: &State, theme: &Theme) {
    let [body, bottom] = Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
    let name = match state.overlay() {
        Some(Overlay::Info) => "recording, loss and hooks",
        Some(Overlay::Maps) => "live mappings",
        _ => "help",
    };
    let title = format!(" {name}{} ", place(state, body.height.saturating_sub(1).into()));
    let block = Block::new().borders(Borders::TOP).border_style(theme.frame()).title(title).title_style(theme.heading());
    let lines = state.overlay_lines().iter().map(|line| styled(line, theme));
    canvas.render_widget(Text::from_iter(lines), block.inner(body));
    canvas.render_widget(block, body);
    footer::draw(canvas, bottom, state, theme);
}

/// Which lines are seen, where not all are.
fn place(state: &State, height: usize) -> String {
    let (above, rest) = (state.scrolled(), state.overlay_lines().len());
    if above == 0 && rest <= height {
        return String::new();
    }
    format!(", lines {} to {} of {}", above + 1, above + rest.min(height), above + rest)
}

fn styled<'a>(line: &'a TextLine, theme: &Theme) -> Line<'a> {
    let style = match line.tone {
        Tone::Heading => theme.heading(),
        Tone::Plain => Style::new(),
        Tone::Missing => theme.warning(),
        Tone::Bad => theme.bad(),
    };
    Line::styled(line.text.as_str(), style)
}
