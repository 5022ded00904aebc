//! One row per kind of operation, and details of the selected one below.

mod detail;
mod draw;
mod fitting;
pub mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use self::state::Table;
use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;

impl View for Table {
    fn command(&mut self, command: Command, common: &mut Common) {
        let page = draw::rows_seen(self.panes, common);
        self.command(command, common, page);
    }

    fn click(&mut self, line: usize, common: &mut Common) {
        if let Some(index) = draw::row_at(line, self.panes, common) {
            common.listing.choose_at(index);
        }
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect, common: &Common, theme: &Theme) {
        draw::draw(canvas, area, self, common, theme);
    }
}

#[cfg(test)]
mod tests;
