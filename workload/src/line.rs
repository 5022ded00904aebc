//! Text that others wrote, on a line: scenario files and names of processes can contain what a terminal obeys.

use std::borrow::Cow;

/// The text with control characters written out (`\n`, `\u{1b}`), and what changes the direction of writing too (Unicode Standard
/// Annex #9, 2.1 to 2.4): it stays on its line, and stays text.
pub fn on_a_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let written = |character: char| if is_obeyed(character) { character.escape_default().to_string() } else { character.into() };
    text.chars().map(written).collect::<String>().into()
}

/// The same of several lines.
pub fn on_their_lines(text: &str) -> String {
    text.split('\n').map(on_a_line).collect::<Vec<_>>().join("\n")
}

fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_written_out() {
        assert_eq!(on_a_line("a\n\x1b[2J\u{9b}\u{202e}ö"), r"a\n\u{1b}[2J\u{9b}\u{202e}ö");
        assert_eq!(on_their_lines("a\r\nb\x07"), "a\\r\nb\\u{7}");
    }
}
