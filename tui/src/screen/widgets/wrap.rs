//! Text in lines of a given width.

use std::borrow::Cow;

use grantscope_analysis::shown::{CUT, width as width_of};
use grantscope_analysis::units::is_unit;
use textwrap::{Options, WordSeparator, WordSplitter};

/// Keeps two words on one line.
const NO_BREAK: char = '\u{a0}';

/// Breaks between words, but not between a number and its unit; a word that is longer than the width is broken itself. At least one line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let kept = together(text);
    let kept = kept.split(' ').map(|word| breakable(word, width)).collect::<Vec<_>>().join(" ");
    let lines = wrap_words(&kept, width);
    // Blanks that were unbreakable before stay so: who made them may wrap again.
    if kept == text { lines } else { lines.into_iter().map(|line| line.replace(NO_BREAK, " ")).collect() }
}

/// The text in one line of this width: a longer one ends at a word, with [`CUT`].
pub fn fitted(text: &str, width: usize) -> String {
    if width_of(text) <= width {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let first = wrap(text, room).swap_remove(0);
    format!("{}{CUT}", first.trim_end_matches([' ', '·', ',', ':', ';', '(']))
}

/// The first lines, so many at most: where some are left out, the last one says so.
pub fn first_of(mut lines: Vec<String>, most: usize, width: usize) -> Vec<String> {
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut().filter(|last| !last.ends_with(CUT)) {
            let words = last.trim_end_matches([' ', ',', '.', ';']);
            // One that is full gives its last word for the mark.
            *last = if width_of(words) < width { format!("{words}{CUT}") } else { fitted(&format!("{words} {CUT}"), width) };
        }
    }
    lines
}

/// With an unbreakable blank between a number and its unit, and on both sides of `±`.
fn together(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut before = "";
    for (place, word) in text.split(' ').enumerate() {
        let is_unit = before.ends_with(|last: char| last.is_ascii_digit())
            && is_unit(word.trim_end_matches([',', '.', ';', ':', ')', ']', '?']));
        if place > 0 {
            kept.push(if is_unit || before == "±" || word == "±" { NO_BREAK } else { ' ' });
        }
        kept.push_str(word);
        before = word;
    }
    kept
}

/// What was to stay together, and is longer than a line, breaks at its blanks rather than anywhere, as in a number.
fn breakable(word: &str, width: usize) -> Cow<'_, str> {
    if width_of(word) <= width { word.into() } else { together(&word.replace(NO_BREAK, " ")).into() }
}

fn wrap_words(text: &str, width: usize) -> Vec<String> {
    // Only a space breaks: a no-break space keeps a number and its unit together, and names with hyphens stay whole.
    let options = Options::new(width.max(1)).word_separator(WordSeparator::AsciiSpace).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{first_of, fitted, wrap};

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_broken() {
        assert_eq!(wrap("a bcdefg h", 3), ["a", "bcd", "efg", "h"]);
    }

    #[test]
    fn a_number_and_its_unit_stay_together() {
        assert_eq!(wrap("mean of 2.51 µs ± 22 ns, 3 % of it", 16), ["mean of", "2.51 µs ± 22 ns,", "3 % of it"]);
        assert_eq!(wrap("mean of 12 pages", 10), ["mean of 12", "pages"]);
        assert_eq!(wrap("at most 27.1 yr", 12), ["at most", "27.1 yr"]);
        assert_eq!(first_of(wrap("at most 27.1 yr or so", 15), 1, 15), ["at most…"]);
    }

    #[test]
    fn what_was_to_stay_together_and_is_too_long_breaks_at_its_blanks() {
        assert_eq!(wrap("by name\u{a0}at\u{a0}3297.53\u{a0}s", 14), ["by name at", "3297.53 s"]);
        assert_eq!(wrap("by name\u{a0}at", 7), ["by", "name\u{a0}at"]);
    }

    #[test]
    fn one_line_ends_at_a_word_and_says_that_it_is_cut() {
        let text = "export · 256 pages · 1.44 ms";
        assert_eq!(fitted(text, 28), text);
        assert_eq!(fitted(text, 27), "export · 256 pages…");
        assert_eq!(fitted(text, 12), "export…");
        assert_eq!(fitted(text, 4), "exp…");
        assert_eq!(fitted(text, 0), "");
    }

    #[test]
    fn lines_that_are_left_out_leave_a_mark() {
        let lines = |most| first_of(wrap("one two three four", 8), most, 8);
        assert_eq!(lines(3), ["one two", "three", "four"]);
        assert_eq!(lines(1), ["one two…"]);
        assert_eq!(first_of(wrap("one two three", 7), 1, 7), ["one…"]);
        assert_eq!(first_of(wrap("one, two. three", 9), 1, 9), ["one, two…"]);
        assert!(lines(0).is_empty());
    }

    #[test]
    fn nothing_is_one_empty_line() {
        assert_eq!(wrap("", 10), [""]);
    }
}
