//! The selected row alone: all its numbers, its histogram, and where the time goes.

mod draw;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;

/// The selected row alone. It has nothing of its own: the row is the table's.
#[derive(Debug)]
pub struct Zoom;

impl View for Zoom {
    fn command(&mut self, command: Command, common: &mut Common) {
        // Their order is not seen here. A page of one row is a row.
        common.listing.step(command, 1);
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect, common: &Common, theme: &Theme) {
        draw::draw(canvas, area, common, theme);
    }
}

#[cfg(test)]
mod tests;
