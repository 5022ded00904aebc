//! Buffer kinds side by side.

mod columns;
mod draw;
mod judged;
mod stages;
pub mod state;

use grantscope_analysis::series::Group;
use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

use self::state::Compare;
use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::theme::Theme;
use crate::screen::view::View;

impl View for Compare {
    fn command(&mut self, command: Command, common: &mut Common) {
        let page = draw::rows_seen(self, common);
        self.command(command, &mut common.listing, page);
    }

    fn click(&mut self, line: usize, common: &mut Common) {
        if let Some(index) = draw::row_at(line, self, common) {
            self.choose(index, &mut common.listing);
        }
    }

    fn stand_in(&self, common: &Common) -> Option<Group> {
        self.stand_in(common.listing.chosen())
    }

    fn refresh(&mut self, common: &Common) {
        self.refresh(common.data(), &common.listing);
    }

    fn draw(&self, canvas: &mut Canvas, area: Rect, common: &Common, theme: &Theme) {
        draw::draw(canvas, area, self, &common.keys, theme);
    }
}

#[cfg(test)]
mod tests;
