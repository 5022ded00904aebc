//! Where this was recorded, by which hooks, and what was lost.

mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;
use crate::screen::widgets::page::Page;

/// Where this was recorded, by which hooks, and what was lost.
#[derive(Debug, Default)]
pub struct Info {
    page: Page,
}

impl View for Info {
    fn command(&mut self, command: Command, _: &mut Common) {
        self.page.command(command);
    }

    fn refresh(&mut self, common: &Common) {
        self.page.show(state::lines(common, common.size.columns), common.size);
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
