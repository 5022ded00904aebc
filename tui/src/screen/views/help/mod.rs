//! All keys, and what the numbers mean.

mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;
use crate::screen::widgets::page::Page;

/// All keys, and what the numbers mean.
#[derive(Debug, Default)]
pub struct Help {
    page: Page,
}

impl View for Help {
    fn command(&mut self, command: Command, _: &mut Common) {
        self.page.command(command);
    }

    fn refresh(&mut self, common: &Common) {
        self.page.show(state::lines(common.size.columns, &common.keys), common.size);
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
