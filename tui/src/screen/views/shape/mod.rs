//! How the durations of the selected row are distributed, and those of the other kinds of buffer on the same axis.

mod draw;
mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

pub use self::state::Shape;
use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;

impl View for Shape {
    fn command(&mut self, command: Command, common: &mut Common) {
        // Their order is not seen here. A page of one row is a row.
        common.listing.step(command, 1);
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
