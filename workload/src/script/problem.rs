//! What is wrong with a scenario file: where, and what to write instead.

use std::fmt;
use std::ops::Range;

use strsim::osa_distance;

use crate::line::on_a_line;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where in the text, in bytes.
    start: usize,
    /// What is wrong, and what to write instead.
    text: String,
}

/// Mistakes that are told; the rest is counted.
const SHOWN: usize = 100;

/// Mistakes found so far, each once.
#[derive(Debug, Default)]
pub struct Found {
    problems: Vec<Problem>,
    more: usize,
}

impl Found {
    /// One more.
    pub fn add(&mut self, span: Range<usize>, text: impl Into<String>) {
        let problem = Problem { start: span.start, text: on_a_line(&text.into()).into_owned() };
        // A step is checked once for every arm.
        if self.problems.contains(&problem) {
            return;
        }
        if self.problems.len() < SHOWN {
            self.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// An error if there are any.
    pub fn refuse(&self, file: &str, text: &str) -> Result<(), Problems> {
        if self.is_empty() { Ok(()) } else { Err(Problems::new(file, text, self)) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Everything that is wrong with a file, in the order of its lines: `file:line:column: what, and what to write instead`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    lines: Vec<String>,
}

impl Problems {
    fn new(file: &str, text: &str, found: &Found) -> Self {
        let mut problems = found.problems.clone();
        problems.sort();
        let file = on_a_line(file);
        let line = |problem: &Problem| {
            let (line, column) = place(text, problem.start);
            format!("{file}:{line}:{column}: {}", problem.text)
        };
        let more = (found.more > 0).then(|| format!("{file}: and {} more mistakes like these", found.more));
        Self { lines: problems.iter().map(line).chain(more).collect() }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.lines.len()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// Line and column of a byte, both from 1; a column is a character.
pub fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary_at(byte)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// `str::floor_char_boundary` came with a later Rust than this crate asks for.
trait CharBoundary {
    fn floor_char_boundary_at(&self, byte: usize) -> usize;
}

impl CharBoundary for str {
    fn floor_char_boundary_at(&self, byte: usize) -> usize {
        (0..=byte.min(self.len())).rev().find(|&at| self.is_char_boundary(at)).unwrap_or(0)
    }
}

/// The one of `names` that `wrong` was probably meant to be.
pub fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) = names.into_iter().map(|name| (osa_distance(wrong, name), name)).min()?;
    (distance <= wrong.chars().count().max(3) / 3 + 1).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters_from_one() {
        assert_eq!(place("ab\ncd", 0), (1, 1));
        assert_eq!(place("ab\ncd", 4), (2, 2));
        assert_eq!(place("ä\nöx", 5), (2, 2));
        assert_eq!(place("ab", 99), (1, 3));
    }

    #[test]
    fn a_slip_of_the_pen_is_recognised_and_another_word_is_not() {
        assert_eq!(osa_distance("mapp", "map"), 1);
        assert_eq!(osa_distance("mmpa", "mmap"), 1);
        assert_eq!(nearest("unmpa", ["map", "unmap", "mmap"]), Some("unmap"));
        assert_eq!(nearest("frobnicate", ["map", "unmap"]), None);
    }
}
