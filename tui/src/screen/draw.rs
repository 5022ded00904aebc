//! Pictures of a borrowed state. Drawing changes nothing.

use grantscope_analysis::shown::width;
use ratatui::Frame as Canvas;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Text;

use crate::screen::app::App;
use crate::screen::colours::Characters;
use crate::screen::theme::Theme;
use crate::screen::views::Layer;
use crate::screen::widgets::titled::titled;
use crate::screen::widgets::wrap::fitted;
use crate::screen::{ascii, footer, header, prompt_line, text, too_small};

/// Draws everything.
pub fn draw(canvas: &mut Canvas, app: &App, theme: &Theme) {
    draw_all(canvas, app, theme);
    if theme.characters() == Characters::Ascii {
        ascii::draw(canvas.buffer_mut());
    }
}

fn draw_all(canvas: &mut Canvas, app: &App, theme: &Theme) {
    let area = canvas.area();
    if too_small::is_too_small(area) {
        return too_small::draw(canvas, area);
    }
    match app.view().1.layer {
        Layer::Body => draw_body(canvas, area, app, theme),
        Layer::Over { title } => draw_over(canvas, area, app, title, theme),
    }
}

/// The view between header and footer.
fn draw_body(canvas: &mut Canvas, area: Rect, app: &App, theme: &Theme) {
    let (view, row) = app.view();
    let header = header::lines(app.common(), theme, area.width);
    let below = |prompt| prompt_line::height(prompt, area.width);
    let bottom = app.prompt().map_or_else(|| footer::height(app.common(), area.width), below);
    let rows = [Constraint::Length(header.len() as u16), Constraint::Min(0), Constraint::Length(bottom)];
    let [top, body, bottom] = Layout::vertical(rows).areas(area);
    canvas.render_widget(Text::from(header), top);
    view.draw(canvas, body, app.common(), theme);
    match app.prompt() {
        Some(prompt) => prompt_line::draw(canvas, bottom, prompt, theme),
        None => footer::draw(canvas, bottom, app.common(), row, theme),
    }
}

/// The view that lies over the others: a title above it, and the footer below.
fn draw_over(canvas: &mut Canvas, area: Rect, app: &App, title: &str, theme: &Theme) {
    let (view, row) = app.view();
    let below = footer::height(app.common(), area.width);
    let [body, bottom] = Layout::vertical([Constraint::Min(0), Constraint::Length(below)]).areas(area);
    let extent = view.extent(body.height.saturating_sub(1).into());
    // There is no header that would say so.
    let past = app.common().past_ns().map(|past_ns| format!(", AS OF {}", text::second(app.common(), past_ns)));
    // Which lines are seen is said in full; what the view is about, as far as there is room.
    let place = format!("{extent}{}", past.unwrap_or_default());
    let title = fitted(title, usize::from(body.width).saturating_sub(width(&place) + 2));
    let inner = titled(canvas, body, &format!(" {title}{place} "), theme);
    view.draw(canvas, inner, app.common(), theme);
    footer::draw(canvas, bottom, app.common(), row, theme);
}

#[cfg(test)]
mod every_size;
#[cfg(test)]
mod tests;
