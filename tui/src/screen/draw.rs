//! Pictures of a borrowed state. Drawing changes nothing.

use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout};

use crate::screen::app::{Screen, State};
pub use crate::screen::theme::Theme;
use crate::screen::{footer, header, too_small, views};

/// Draws everything.
pub fn draw(canvas: &mut Canvas, state: &State, theme: &Theme) {
    let area = canvas.area();
    if too_small::is_too_small(area) {
        return too_small::draw(canvas, area);
    }
    if state.overlay().is_some() {
        return views::overlay::draw::draw(canvas, area, state, theme);
    }
    let header = header::lines(state, theme, area.width);
    let rows = [Constraint::Length(header.len() as u16), Constraint::Min(0), Constraint::Length(1)];
    let [top, body, bottom] = Layout::vertical(rows).areas(area);
    canvas.render_widget(ratatui::text::Text::from(header), top);
    match state.screen() {
        Screen::Table => views::table::draw::draw(canvas, body, state, theme),
        Screen::Zoom => views::zoom::draw::draw(canvas, body, state, theme),
        Screen::Compare => views::compare::draw::draw(canvas, body, state, theme),
    }
    footer::draw(canvas, bottom, state, theme);
}

#[cfg(test)]
mod tests;
