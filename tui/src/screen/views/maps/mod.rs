//! Live mappings, the oldest first, and what of them looks like a leak.

mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;
use crate::screen::widgets::page::Page;

/// Live mappings, the oldest first, and what of them looks like a leak.
#[derive(Debug, Default)]
pub struct Maps {
    page: Page,
}

impl View for Maps {
    fn command(&mut self, command: Command, _: &mut Common) {
        self.page.command(command);
    }

    fn refresh(&mut self, common: &Common) {
        self.page.show(state::lines(common.data(), common.size.columns), common.size);
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect, _: &Common, theme: &Theme) {
        self.page.draw(canvas, area, theme);
    }

    fn extent(&self, lines: usize) -> String {
        self.page.extent(lines)
    }
}

#[cfg(test)]
mod tests;
