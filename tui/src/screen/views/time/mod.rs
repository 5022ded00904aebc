//! What happened when: latencies of the selected row over time, and marks where something was lost, failed, was deferred or began.

mod draw;
mod said;
mod state;

use ratatui::Frame as Canvas;
use ratatui::layout::Rect;

pub use self::state::Time;
use crate::screen::command::Command;
use crate::screen::model::common::Common;
use crate::screen::model::timeline::LABEL_COLUMNS;
use crate::screen::theme::Theme;
use crate::screen::view::View;

impl View for Time {
    fn command(&mut self, command: Command, common: &mut Common) {
        // Their order is not seen here. A page of one row is a row.
        common.listing.step(command, 1);
    }

    fn time_at(&self, _line: usize, column: usize, _: &Common) -> Option<u64> {
        let span = self.seen.as_ref()?.span;
        let place = column.checked_sub(LABEL_COLUMNS)?;
        (place < span.columns).then(|| span.column(place).from_ns)
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
