//! Text in lines of a given width.

/// Breaks between words; a word that is longer than the width is broken itself. At least one line.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    // A no-break space does not break.
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        place_word(&mut lines, word, width);
    }
    lines
}

fn place_word(lines: &mut Vec<String>, word: &str, width: usize) {
    let length = |text: &str| text.chars().count();
    let used = lines.last().map_or(0, |line| length(line));
    match lines.last_mut() {
        Some(line) if used > 0 && used + 1 + length(word) <= width => {
            line.push(' ');
            line.push_str(word);
        }
        Some(line) if used == 0 && length(word) <= width => line.push_str(word),
        _ => {
            let letters: Vec<char> = word.chars().collect();
            let pieces = letters.chunks(width).map(|piece| piece.iter().collect());
            lines.extend(pieces);
            lines.retain(|line: &String| !line.is_empty());
        }
    }
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
