//! What no text may have that a program shows.

/// Panics where a text has what a terminal would obey.
pub fn assert_shown(what: &str, text: &str) {
    let obeyed =
        text.chars().find(|&character| character.is_control() && character != '\n' || "\u{202e}\u{2028}".contains(character));
    assert_eq!(obeyed, None, "{what} has a character that a terminal would obey");
}
