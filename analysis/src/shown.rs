//! Text that others wrote, for people: escaped, so that it stays text, and as wide as it looks.
//!
//! Names of threads, runs, hosts and kernel functions, and what is in truth files, can contain anything: an escape sequence that
//! moves the cursor, a newline that ends a line, a sign that turns the line around. Whatever writes such text writes a [`Shown`].

use std::borrow::Cow;
use std::fmt;
use std::iter::repeat_n;

use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// In place of what is cut off.
pub const CUT: char = '…';

/// The most columns that a text gets where nobody says how many: more than any name that a kernel gives.
const MOST_COLUMNS: usize = 1024;

/// Text that others wrote.
///
/// Control characters and those that change the direction of writing are written as Rust writes them (`\n`, `\u{1b}`); the rest,
/// also a backslash, is left as it is, so that what is shown twice looks the same. A width in a format string is one of columns
/// of a terminal, and so is a precision: longer text is cut, with [`CUT`] at its end.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Text of which most is cut off is not copied first.
        let most = f.precision().unwrap_or(MOST_COLUMNS);
        let head =
            self.0.char_indices().nth(most.saturating_mul(LONGEST_CHARACTER) + 1).map_or(self.0, |(end, _)| &self.0[..end]);
        let text = escaped(head);
        let text = cut(&text, most);
        let blanks = f.width().unwrap_or(0).saturating_sub(width(&text));
        let before = match f.align() {
            Some(fmt::Alignment::Right) => blanks,
            Some(fmt::Alignment::Center) => blanks / 2,
            Some(fmt::Alignment::Left) | None => 0,
        };
        let fill =
            |f: &mut fmt::Formatter<'_>, blanks| repeat_n(' ', blanks).try_for_each(|blank| fmt::Write::write_char(f, blank));
        fill(f, before)?;
        f.write_str(&text)?;
        fill(f, blanks - before)
    }
}

/// A character that is seen can be followed by as many that have no width, as accents have none, before text is cut.
const LONGEST_CHARACTER: usize = 4;

/// The text without what a terminal or a reader of lines would obey.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_obeyed(character) { escaped.extend(character.escape_default()) } else { escaped.push(character) }
    }
    escaped.into()
}

/// Control characters (C0, DEL, C1), separators of lines and paragraphs, and what changes the direction of writing
/// (Unicode Standard Annex #9, 2.1 to 2.4).
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON as text that a terminal does not obey. JSON itself escapes only some of it, and what is left stands in strings alone, where
/// `\u009b` is the same (RFC 8259, section 7).
///
/// # Errors
///
/// Where the value has no form in JSON.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    let is_left = |character: char| character != '\n' && is_obeyed(character);
    let written =
        |character| if is_left(character) { format!("\\u{:04x}", u32::from(character)) } else { String::from(character) };
    Ok(if text.contains(is_left) { text.chars().map(written).collect() } else { text })
}

/// The columns that a text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns: of a longer one the beginning, and [`CUT`].
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if text.chars().count() <= columns.saturating_mul(LONGEST_CHARACTER) && width(text) <= columns {
        return text.into();
    }
    let Some(room) = columns.checked_sub(1) else { return "".into() };
    format!("{}{CUT}", head(text, room)).into()
}

/// As much of the beginning as fits into so many columns.
pub fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().enumerate().find(|(count, (_, character))| {
        used += character.width().unwrap_or(0);
        used > columns || *count >= columns.saturating_mul(LONGEST_CHARACTER)
    });
    end.map_or(text, |(_, (end, _))| &text[..end])
}

/// As much of the end as fits into so many columns.
pub fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().rev().find(|(_, character)| {
        used += character.width().unwrap_or(0);
        used > columns
    });
    start.map_or(text, |(start, character)| &text[start + character.len_utf8()..])
}

/// `1 operation`, `2 operations`.
pub fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {one}s", number(count)) }
}

/// A sum. What has no larger number is where sums stop, so that it may be more.
pub fn number(sum: u64) -> String {
    if sum == u64::MAX { format!("at least {sum}") } else { sum.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_written_out_and_the_rest_is_left() {
        let shown = |text| Shown(text).to_string();
        assert_eq!(shown("a\nb\r\t\x1b[2J\x07\x7f\u{9b}"), r"a\nb\r\t\u{1b}[2J\u{7}\u{7f}\u{9b}");
        assert_eq!(shown("end\u{2028}\u{202e}\u{2066}"), r"end\u{2028}\u{202e}\u{2066}");
        assert_eq!(shown(r"größe – 計測 \x"), r"größe – 計測 \x");
        assert_eq!(shown(&shown("a\n")), shown("a\n"));
    }

    #[test]
    fn json_says_the_same_without_what_a_terminal_obeys() {
        let value = serde_json::json!({ "name": "a\u{9b}2J\u{7f}\u{202e}\n\x1b計" });
        let text = json(&value).unwrap();
        assert!(text.contains(r"a\u009b2J\u007f\u202e\n\u001b計"), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn widths_are_of_columns() {
        assert_eq!(format!("{:<6}|{:>6}|{:^6}|", Shown("計測"), Shown("ab"), Shown("ab")), "計測  |    ab|  ab  |");
        assert_eq!(format!("{:<4}|", Shown("e\u{301}")), "e\u{301}   |");
        assert_eq!(format!("{:<3}|", Shown("\n計測")), "\\n計測|");
    }

    #[test]
    fn what_is_too_long_is_cut_with_a_mark() {
        assert_eq!(format!("{:.4}|{:.4}|{:.0}|", Shown("abcd"), Shown("abcde"), Shown("a")), "abcd|abc…||");
        assert_eq!(format!("{:.4}|{:<5.4}|", Shown("計測計"), Shown("計測計")), "計…|計…  |");
        let long = "x".repeat(70_000);
        let text = Shown(&long).to_string();
        assert_eq!((width(&text), text.ends_with(CUT)), (MOST_COLUMNS, true));
        assert!(Shown(&"\u{301}".repeat(70_000)).to_string().chars().count() <= LONGEST_CHARACTER * MOST_COLUMNS);
    }

    #[test]
    fn beginning_and_end_keep_characters_whole() {
        assert_eq!([head("計測", 3), head("計測", 4), head("ab", 9), head("ab", 0)], ["計", "計測", "ab", ""]);
        assert_eq!([tail("計測", 3), tail("計測", 4), tail("ab", 9), tail("ab", 0)], ["測", "計測", "ab", ""]);
    }

    #[test]
    fn one_is_not_several() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "operation")), ["0 operations", "1 operation", "2 operations"]);
        assert_eq!(counted(u64::MAX, "page"), "at least 18446744073709551615 pages");
    }
}
