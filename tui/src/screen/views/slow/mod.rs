//! The slowest operations of the selected row, one of them opened: its stages on a time line, and who did it.

mod draw;
mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

pub use self::state::Slow;
use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;

impl View for Slow {
    fn command(&mut self, command: Command, _: &mut Common) {
        self.command(command);
    }

    fn click(&mut self, line: usize, _: &mut Common) {
        // Above the rows are the title and the heading.
        line.checked_sub(2).into_iter().for_each(|place| self.choose(place));
    }

    fn refresh(&mut self, common: &Common) {
        self.refresh(common);
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect, common: &Common, theme: &Theme) {
        draw::draw(canvas, area, self, common, theme);
    }
}

#[cfg(test)]
mod tests;
