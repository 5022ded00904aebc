//! Text in lines of a given width.

use std::borrow::Cow;

use textwrap::{Options, WordSeparator, WordSplitter};

/// Breaks between words; a word that is longer than the width is broken itself. At least one line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    // Only a space breaks: a no-break space keeps a number and its unit together, and names with hyphens stay whole.
    let options = Options::new(width.max(1)).word_separator(WordSeparator::AsciiSpace).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_break_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    }

    #[test]
    fn a_word_longer_than_the_line_is_broken() {
        assert_eq!(wrap("a bcdefg h", 3), ["a", "bcd", "efg", "h"]);
    }

    #[test]
    fn nothing_is_one_empty_line() {
        assert_eq!(wrap("", 10), [""]);
    }
}
