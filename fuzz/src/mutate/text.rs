//! Changes of text: words and numbers in other places, lines and lists that are repeated, what opens and does not close.

use fastrand::Rng;

use super::bytes;
use super::chance::{number, part, place, times};
use crate::limits::MOST_INPUT_BYTES;

/// What a reader of text may stumble over.
const WORDS: &[&str] = &[
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "$",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "0.5",
    "\\u0000",
    "\\ud800",
    "\u{1b}[2J",
    "\u{202e}",
    "\u{e9}",
    "\n",
    "[[",
    "]]",
    "\"\"\"",
    "#",
    "nan",
    "between",
    "..",
];

/// Some changes.
pub fn mutated(rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut text = input.to_vec();
    for _ in 0..1 << rng.u32(..4) {
        change(rng, &mut text, other);
    }
    text
}

fn change(rng: &mut Rng, text: &mut Vec<u8>, other: &[u8]) {
    let tokens = tokens(text);
    let at = place(rng, tokens.len());
    let here = tokens.get(at).cloned().unwrap_or(text.len()..text.len());
    match rng.u8(..9) {
        0 => {
            let from = self::tokens(other);
            let piece = from.get(rng.usize(..from.len().max(1))).map_or(&[][..], |token| &other[token.clone()]);
            text.splice(here, piece.iter().copied());
        }
        1 => drop(text.splice(here, number(rng).to_string().into_bytes())),
        2 => drop(text.splice(here.start..here.start, WORDS[rng.usize(..WORDS.len())].bytes())),
        3 => drop(text.splice(here, WORDS[rng.usize(..WORDS.len())].bytes())),
        4 => drop(text.drain(span(&tokens, part(rng, tokens.len())))),
        5 => {
            let again = text[span(&tokens, part(rng, tokens.len()))].to_vec();
            repeat(rng, text, here.start, &again);
        }
        6 => {
            let line = line(text, here.start);
            let again = text[line.clone()].to_vec();
            repeat(rng, text, line.end, &again);
        }
        7 => drop(text.drain(line(text, here.start))),
        _ => bytes::change(rng, text, other),
    }
}

/// Words, numbers, spaces, and every other byte alone.
fn tokens(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let class = |byte: &u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-' | b'.' => 1,
        b' ' | b'\t' => 2,
        _ => 3,
    };
    let mut from = 0;
    text.chunk_by(|a, b| class(a) == class(b) && class(a) != 3)
        .map(|token| {
            let range = from..from + token.len();
            from = range.end;
            range
        })
        .collect()
}

/// The bytes of some tokens.
fn span(tokens: &[std::ops::Range<usize>], some: std::ops::Range<usize>) -> std::ops::Range<usize> {
    match &tokens[some] {
        [] => 0..0,
        [first, .., last] => first.start..last.end,
        [only] => only.clone(),
    }
}

/// The line at a place, with its end.
fn line(text: &[u8], at: usize) -> std::ops::Range<usize> {
    let from = text[..at].iter().rposition(|&byte| byte == b'\n').map_or(0, |before| before + 1);
    let until = text[at..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |end| at + end + 1);
    from..until
}

fn repeat(rng: &mut Rng, text: &mut Vec<u8>, at: usize, again: &[u8]) {
    let room = MOST_INPUT_BYTES.saturating_sub(text.len()) / again.len().max(1);
    text.splice(at..at, again.repeat(times(rng).min(room)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_words_numbers_spaces_and_signs() {
        let text = b"a = [12, \"x y\"]";
        let tokens: Vec<_> = tokens(text).into_iter().map(|token| std::str::from_utf8(&text[token]).unwrap()).collect();
        assert_eq!(tokens, ["a", " ", "=", " ", "[", "12", ",", " ", "\"", "x", " ", "y", "\"", "]"]);
    }

    #[test]
    fn a_line_has_its_end() {
        assert_eq!([line(b"ab\ncd\nef", 4), line(b"ab\ncd\nef", 7), line(b"", 0)], [3..6, 6..8, 0..0]);
    }
}
