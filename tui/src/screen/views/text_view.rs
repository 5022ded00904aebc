//! A view that is a text: three of them differ in their lines alone.

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;
use crate::screen::widgets::lines::Line;
use crate::screen::widgets::page::Page;

/// A text over the other views, which scrolls.
#[derive(Debug)]
pub struct TextView {
    lines: fn(&Common) -> Vec<Line>,
    page: Page,
}

impl TextView {
    /// A view of these lines, at the first.
    pub fn of(lines: fn(&Common) -> Vec<Line>) -> Self {
        Self { lines, page: Page::default() }
    }

    /// The lines from the first that is seen.
    pub fn seen(&self) -> &[Line] {
        self.page.seen()
    }
}

impl View for TextView {
    fn command(&mut self, command: Command, _: &mut Common) {
        self.page.command(command);
    }

    fn refresh(&mut self, common: &Common) {
        self.page.show((self.lines)(common), common.size);
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect, _: &Common, theme: &Theme) {
        self.page.draw(canvas, area, theme);
    }

    fn extent(&self, lines: usize) -> String {
        self.page.extent(lines)
    }
}
