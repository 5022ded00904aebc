//! Lines of text that say what they mean, so that drawing can choose their look.

use grantscope_analysis::shown::escaped;

use crate::screen::widgets::wrap::wrap;

/// Beside a name, what it is needs as many columns; with fewer, it is wrapped below the name.
const LEAST_BESIDE: usize = 24;
/// So far are lines below a name indented.
const BELOW: usize = 4;

/// A line, and its meaning, of which drawing makes a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Not longer than the screen is wide.
    pub text: String,
    /// How it should look.
    pub tone: Tone,
}

/// How a line should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A heading.
    Heading,
    /// Text.
    Plain,
    /// Something is missing.
    Missing,
    /// Something was lost, or is broken.
    Bad,
}

/// Collects lines of one width.
pub struct Text {
    columns: usize,
    lines: Vec<Line>,
}

impl Text {
    /// Nothing yet; no line will be longer than this.
    pub fn new(columns: usize) -> Self {
        Self { columns, lines: Vec::new() }
    }

    /// All lines.
    pub fn lines(self) -> Vec<Line> {
        self.lines
    }

    /// How many lines there are.
    pub fn height(&self) -> usize {
        self.lines.len()
    }

    /// A remark, indented.
    pub fn wrapped(&mut self, about: &str) {
        wrap(about, self.columns.saturating_sub(2)).into_iter().for_each(|words| self.put(Tone::Plain, format!("  {words}")));
    }

    /// A heading, with an empty line before it.
    pub fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.put(Tone::Plain, String::new());
        }
        let words = wrap(&escaped(text), self.columns);
        words.into_iter().for_each(|words| self.put(Tone::Heading, words));
    }

    /// A line as it is.
    pub fn put(&mut self, tone: Tone, text: String) {
        self.lines.push(Line { text, tone });
    }

    /// A name, then what it is; further lines of that are indented as far.
    pub fn entry(&mut self, tone: Tone, name: &str, width: usize, about: &str) {
        let indent = width + 4;
        if self.columns < indent + LEAST_BESIDE {
            return self.entry_below(tone, name, about);
        }
        for (i, words) in wrap(&escaped(about), self.columns.saturating_sub(indent)).into_iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            self.put(tone, format!("  {name:<width$}  {words}"));
        }
    }

    /// The same where there is no room for two columns.
    pub fn entry_below(&mut self, tone: Tone, name: &str, about: &str) {
        let about = escaped(about);
        let text = if name.is_empty() { about.into_owned() } else { format!("{name}  {about}") };
        for (i, words) in wrap(&text, self.columns.saturating_sub(BELOW)).into_iter().enumerate() {
            let indent = if i == 0 && !name.is_empty() { BELOW / 2 } else { BELOW };
            self.put(tone, format!("{:indent$}{words}", ""));
        }
    }
}
