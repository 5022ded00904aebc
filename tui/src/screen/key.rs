//! A key as people write it, in the help and in the configuration: `o`, `Ctrl-f`, `PgUp`.
//!
//! Not by the library that reads the keys of `shot`: it takes `G` for `g`.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use grantscope_analysis::shown::{escaped, width};

use KeyCode::{BackTab, Backspace, Char, Delete, Down, End, Enter, Esc, F, Home, Insert, Left, PageDown, PageUp, Right, Tab, Up};

/// A key, and whether Ctrl is held with it. Shift is in the character; what else is held makes no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    has_control: bool,
}

/// Keys that are not written as the character that they type.
const NAMED: [(KeyCode, &str); 16] = [
    (Char(' '), "space"),
    (Enter, "Enter"),
    (Esc, "Esc"),
    (Tab, "Tab"),
    (BackTab, "Shift-Tab"),
    (Backspace, "Backspace"),
    (Delete, "Delete"),
    (Insert, "Insert"),
    (Left, "Left"),
    (Right, "Right"),
    (Up, "Up"),
    (Down, "Down"),
    (Home, "Home"),
    (End, "End"),
    (PageUp, "PgUp"),
    (PageDown, "PgDn"),
];

/// As many as crossterm tells apart.
const MOST_F: u8 = 24;

impl Key {
    /// A key without Ctrl.
    pub const fn plain(code: KeyCode) -> Self {
        Self { code, has_control: false }
    }

    /// A letter with Ctrl.
    pub const fn control(letter: char) -> Self {
        Self { code: Char(letter), has_control: true }
    }

    /// The key that was pressed.
    pub fn pressed(event: KeyEvent) -> Self {
        let has_control = matches!(event.code, Char(_)) && event.modifiers.contains(KeyModifiers::CONTROL);
        Self { code: event.code, has_control }
    }

    /// What a terminal sends for it.
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, if self.has_control { KeyModifiers::CONTROL } else { KeyModifiers::NONE })
    }

    /// The key, whether Ctrl is held with it or not.
    pub fn code(self) -> KeyCode {
        self.code
    }

    /// Whether Ctrl is held with it.
    pub fn has_control(self) -> bool {
        self.has_control
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let control = if self.has_control { "Ctrl-" } else { "" };
        match (NAMED.iter().find(|(code, _)| *code == self.code), self.code) {
            (Some((_, name)), _) => f.write_str(name),
            (None, code) => write!(f, "{control}{code}"),
        }
    }
}

impl FromStr for Key {
    type Err = String;

    /// Reads a key. The names of keys can be written in small and in large letters.
    ///
    /// # Errors
    /// What was expected.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((code, _)) = NAMED.iter().find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self::plain(*code));
        }
        let mut characters = text.chars();
        if let (Some(character), None) = (characters.next(), characters.next()) {
            let is_seen = escaped(text) == text && width(text) > 0;
            return is_seen.then_some(Self::plain(Char(character))).ok_or_else(|| no_key(text));
        }
        let (first, rest) = text.split_at_checked(5).unwrap_or((text, ""));
        if first.eq_ignore_ascii_case("Ctrl-") {
            return control(rest);
        }
        let number =
            text.strip_prefix(['F', 'f']).filter(|digits| !digits.starts_with(['0', '+'])).and_then(|digits| digits.parse().ok());
        match number {
            Some(number @ 1..=MOST_F) => Ok(Self::plain(F(number))),
            _ => Err(no_key(text)),
        }
    }
}

/// To a terminal, Ctrl and a letter are one of the first control characters of ASCII: large and small letters are the same, two of them are
/// other keys, and behind Ctrl there is nothing else (ECMA-48, 5.2, "Elements of the C0 set").
fn control(text: &str) -> Result<Key, String> {
    let mut characters = text.chars();
    let letter = characters.next().filter(|_| characters.next().is_none()).unwrap_or_default().to_ascii_lowercase();
    match letter {
        'i' => Err("terminals send the same for Ctrl-i and Tab: write \"Tab\"".to_owned()),
        'm' => Err("terminals send the same for Ctrl-m and Enter: write \"Enter\"".to_owned()),
        'a'..='z' => Ok(Key::control(letter)),
        _ => Err("Ctrl goes together with one letter from a to z: write it as in \"Ctrl-f\"".to_owned()),
    }
}

fn no_key(text: &str) -> String {
    let names = NAMED.map(|(_, name)| name).join(", ");
    format!(
        "`{text:.40}` is no key: write a character as it is typed (\"o\", \"G\", \"/\"), \"Ctrl-f\", \"F1\", or one of {names}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_the_same_key() {
        let named = NAMED.iter().map(|(code, _)| Key::plain(*code));
        let typed = "gG/\\\"'-#+é".chars().map(|character| Key::plain(Char(character)));
        let others = [Key::plain(F(1)), Key::plain(F(24)), Key::control('f')];
        for key in named.chain(typed).chain(others) {
            assert_eq!(key.to_string().parse(), Ok(key));
            assert_eq!(Key::pressed(key.event()), key);
        }
        assert_eq!(
            ["esc", "PGUP", "ctrl-F", " ", "f2"].map(|text| text.parse::<Key>().unwrap().to_string()),
            ["Esc", "PgUp", "Ctrl-f", "space", "F2"]
        );
    }

    #[test]
    fn what_no_terminal_sends_is_no_key() {
        for (text, words) in [
            ("", "`` is no key"),
            ("oo", "`oo` is no key: write a character as it is typed"),
            ("\u{1b}", "is no key"),
            ("\u{301}", "is no key"),
            ("F0", "is no key"),
            ("F+1", "is no key"),
            ("F25", "is no key"),
            ("Alt-q", "is no key"),
            ("Ctrl-i", "write \"Tab\""),
            ("Ctrl-M", "write \"Enter\""),
            ("Ctrl-1", "one letter from a to z"),
            ("Ctrl-", "one letter from a to z"),
            ("Ctrl-ff", "one letter from a to z"),
        ] {
            let error = text.parse::<Key>().unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
