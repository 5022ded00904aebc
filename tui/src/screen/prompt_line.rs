//! How the prompt looks: the text, the place of a mistake below it, and what the mistake is.

use grantscope_analysis::shown::{Shown, escaped, width};
use ratatui::Frame as Canvas;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span, Text};

use crate::screen::prompt::{Prompt, Purpose};
use crate::screen::theme::Theme;
use crate::screen::widgets::wrap::{first_of, wrap};

/// What is said below the text has so many lines at most.
const MOST_ABOUT: usize = 4;

/// Lines that it takes in this width: the text, the place of a mistake, and what it is.
pub fn height(prompt: &Prompt, width: u16) -> u16 {
    2 + about(prompt, width.into()).len() as u16
}

/// What is to be known about the text.
fn about(prompt: &Prompt, width: usize) -> Vec<String> {
    let about = match prompt.problem() {
        Some(problem) => escaped(&problem.what).into_owned(),
        None if prompt.is_full() => {
            format!("What came last does not fit: {} bytes are the most.", prompt.purpose().most_bytes())
        }
        None if prompt.purpose() == Purpose::Mark => {
            "Enter mark now, without a name by its number  Esc leave  Ctrl-u empty".to_owned()
        }
        None => "Enter apply  Esc leave  Ctrl-u empty".to_owned(),
    };
    first_of(wrap(&about, width), MOST_ABOUT, width)
}

/// Draws it. Of a text that is too long, the end up to the cursor is seen.
pub fn draw(canvas: &mut Canvas, area: Rect, prompt: &Prompt, theme: &Theme) {
    let sign = match prompt.purpose() {
        Purpose::Filter => "/",
        Purpose::Search => "\\",
        Purpose::Mark => "mark: ",
    };
    // The sign, and the cursor behind the text.
    let room = usize::from(area.width).saturating_sub(sign.len() + 1);
    let first = first_seen(&prompt.text()[..prompt.at()], room);
    let columns = |to: usize| sign.len() + width(&escaped(&prompt.text()[first..to.max(first)]));
    let seen = format!("{:.room$}", Shown(&prompt.text()[first..]));
    let place = prompt.problem().map_or_else(String::new, |problem| {
        let place = columns(floor(prompt.text(), problem.at)).min(room + sign.len());
        format!("{:place$}^", "")
    });
    let mut lines =
        vec![Line::from(vec![Span::styled(sign, theme.heading()), Span::raw(seen)]), Line::styled(place, theme.bad())];
    lines.extend(about(prompt, area.width.into()).into_iter().map(|line| Line::styled(line, theme.warning())));
    canvas.render_widget(Text::from_iter(lines), area);
    let column = u16::try_from(columns(prompt.at())).unwrap_or(u16::MAX);
    canvas.set_cursor_position(Position::new(area.x.saturating_add(column).min(area.right().saturating_sub(1)), area.y));
}

/// The first byte of a text from which on it fits.
fn first_seen(text: &str, room: usize) -> usize {
    let mut used = 0;
    let fitting = text.char_indices().rev().take_while(|(_, character)| {
        used += width(&escaped(character.encode_utf8(&mut [0; 4])));
        used <= room
    });
    fitting.last().map_or(text.len(), |(at, _)| at)
}

/// The beginning of the character that this byte is in.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
