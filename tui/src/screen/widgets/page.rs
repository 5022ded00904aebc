//! A text that may be longer than the screen: which part of it is seen, and how it looks.

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line as Styled, Text};

use crate::screen::command::Command;
use crate::screen::event::Size;
use crate::screen::theme::Theme;
use crate::screen::widgets::lines::{Line, Tone};

/// Lines of the screen that the text does not have: its title, and the footer.
const FRAME_LINES: usize = 2;

/// A text, and how far it is scrolled.
#[derive(Clone, Debug, Default)]
pub struct Page {
    lines: Vec<Line>,
    /// Lines above those that are seen.
    above: usize,
    /// How many lines there may be above: then the last line is at the bottom.
    most_above: usize,
    /// Lines that are seen.
    room: usize,
}

impl Page {
    /// Shows these lines on a screen of this size, scrolled as far as before.
    pub fn show(&mut self, lines: Vec<Line>, size: Size) {
        self.room = size.lines.saturating_sub(FRAME_LINES);
        self.most_above = lines.len().saturating_sub(self.room);
        self.above = self.above.min(self.most_above);
        self.lines = lines;
    }

    /// Scrolls.
    pub fn command(&mut self, command: Command) {
        if let Some(lines) = command.step(self.room) {
            self.above = self.above.saturating_add_signed(lines).min(self.most_above);
        }
    }

    /// The lines from the first that is seen.
    pub fn seen(&self) -> &[Line] {
        &self.lines[self.above..]
    }

    /// Which lines are seen, where this many lines have no room for all.
    pub fn extent(&self, lines: usize) -> String {
        let rest = self.seen().len();
        if self.above == 0 && rest <= lines {
            return String::new();
        }
        format!(", lines {} to {} of {}", self.above + 1, self.above + rest.min(lines), self.above + rest)
    }

    /// Draws what is seen.
    pub fn draw(&self, canvas: &mut Canvas, area: Rect, theme: &Theme) {
        canvas.render_widget(Text::from_iter(self.seen().iter().map(|line| styled(line, theme))), area);
    }
}

fn styled<'a>(line: &'a Line, theme: &Theme) -> Styled<'a> {
    let style = match line.tone {
        Tone::Heading => theme.heading(),
        Tone::Plain => Style::new(),
        Tone::Missing => theme.warning(),
        Tone::Bad => theme.bad(),
    };
    Styled::styled(line.text.as_str(), style)
}
