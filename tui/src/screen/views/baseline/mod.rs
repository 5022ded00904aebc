//! What is shown, compared with earlier runs: what became slower, by how much, how sure that is, and which stage explains it.

mod draw;
mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

pub use self::state::Baseline;
use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;

impl View for Baseline {
    fn command(&mut self, command: Command, common: &mut Common) {
        let page = draw::rows_seen(self, common);
        self.command(command, common, page);
    }

    fn click(&mut self, line: usize, common: &mut Common) {
        if let Some(place) = draw::row_at(line, self, common) {
            self.choose(place, common);
        }
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
