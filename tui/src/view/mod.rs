//! Pictures of a borrowed state. Drawing changes nothing.

mod bar;
mod compare;
mod detail;
mod footer;
mod header;
mod histogram;
mod overlay;
mod stages;
mod table;
pub mod text;
mod theme;
mod too_small;
mod zoom;

use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout};

pub use self::theme::Theme;
use crate::state::{Screen, State};

/// Draws everything.
pub fn draw(canvas: &mut Canvas, state: &State, theme: &Theme) {
    let area = canvas.area();
    if too_small::is_too_small(area) {
        return too_small::draw(canvas, area);
    }
    if state.overlay().is_some() {
        return overlay::draw(canvas, area, state, theme);
    }
    let header = header::lines(state, theme, area.width);
    let rows = [Constraint::Length(header.len() as u16), Constraint::Min(0), Constraint::Length(1)];
    let [top, body, bottom] = Layout::vertical(rows).areas(area);
    canvas.render_widget(ratatui::text::Text::from(header), top);
    match state.screen() {
        Screen::Table => table::draw(canvas, body, state, theme),
        Screen::Zoom => zoom::draw(canvas, body, state, theme),
        Screen::Compare => compare::draw(canvas, body, state, theme),
    }
    footer::draw(canvas, bottom, state, theme);
}

#[cfg(test)]
mod tests;
