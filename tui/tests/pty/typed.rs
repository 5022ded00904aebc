//! What a terminal sends for a key.

use crossterm::event::KeyCode;
use grantscope::screen::key::Key;

/// The bytes of a key; `None`: none that are the same in every terminal.
pub fn sequence(key: Key) -> Option<String> {
    Some(match key.code() {
        KeyCode::Char(letter) if key.has_control() => char::from(letter as u8 & 0x1f).to_string(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::Enter => "\r".to_owned(),
        KeyCode::Tab => "\t".to_owned(),
        KeyCode::BackTab => "\u{1b}[Z".to_owned(),
        KeyCode::Esc => "\u{1b}".to_owned(),
        KeyCode::Up => "\u{1b}[A".to_owned(),
        KeyCode::Down => "\u{1b}[B".to_owned(),
        KeyCode::Right => "\u{1b}[C".to_owned(),
        KeyCode::Left => "\u{1b}[D".to_owned(),
        KeyCode::Home => "\u{1b}[H".to_owned(),
        KeyCode::End => "\u{1b}[F".to_owned(),
        KeyCode::PageUp => "\u{1b}[5~".to_owned(),
        KeyCode::PageDown => "\u{1b}[6~".to_owned(),
        KeyCode::F(1) => "\u{1b}OP".to_owned(),
        KeyCode::Backspace => "\u{7f}".to_owned(),
        _ => return None,
    })
}
