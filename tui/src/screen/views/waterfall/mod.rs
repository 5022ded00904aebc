//! Where the time of the selected operation goes: its stages, in all kinds of buffers side by side, and what of them makes one kind dearer.

mod columns;
mod draw;
mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

pub use self::state::Waterfall;
use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;

impl View for Waterfall {
    fn command(&mut self, command: Command, common: &mut Common) {
        self.command(command, common);
    }

    fn refresh(&mut self, common: &Common) {
        self.refresh(common);
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect, common: &Common, theme: &Theme) {
        draw::draw(canvas, area, self, &common.keys, theme);
    }
}

#[cfg(test)]
mod tests;
