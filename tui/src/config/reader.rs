//! The tables of a configuration file, with the mistakes in them.

use std::collections::BTreeMap;
use std::ops::Range;

use clap::ValueEnum;
use grantscope_analysis::toml_text::Place;
use strsim::osa_distance;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::mistake::Mistake;

/// A value, and where it is.
pub type Value<'a> = Spanned<DeValue<'a>>;

/// Reads values, and keeps the mistakes.
pub struct Reader<'a> {
    text: &'a str,
    mistakes: Vec<(Range<usize>, String)>,
    /// In which line something is set, by its name with that of its table.
    lines: BTreeMap<String, usize>,
}

impl<'a> Reader<'a> {
    /// Nothing read yet.
    pub fn new(text: &'a str) -> Self {
        Self { text, mistakes: Vec::new(), lines: BTreeMap::new() }
    }

    /// This is wrong here.
    pub fn wrong(&mut self, span: Range<usize>, what: String) {
        self.mistakes.push((span, what));
    }

    /// Something is set here.
    pub fn set(&mut self, name: String, span: Range<usize>) {
        let line = self.line(&span);
        self.lines.insert(name, line);
    }

    /// The line of a place.
    pub fn line(&self, span: &Range<usize>) -> usize {
        Place::of(self.text, span.start).line
    }

    /// In which lines something is set.
    ///
    /// # Errors
    /// The first mistake in the file.
    pub fn end(self) -> Result<BTreeMap<String, usize>, Mistake> {
        let first = self.mistakes.into_iter().min_by_key(|(span, _)| span.start);
        first.map_or(Ok(self.lines), |(span, what)| Err(Mistake { place: Place::of(self.text, span.start), what }))
    }

    /// A text, or a mistake that says what was expected.
    pub fn text<'v>(&mut self, value: &'v Value<'_>, expected: &str) -> Option<&'v str> {
        match value.get_ref() {
            DeValue::String(text) => Some(text),
            _ => {
                self.wrong(value.span(), format!("expected {expected}"));
                None
            }
        }
    }

    /// One of the words of an option.
    pub fn word<T: ValueEnum>(&mut self, name: &str, value: &Value<'_>) -> Option<T> {
        let words = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let words = words.map(|word| format!("\"{}\"", word.get_name())).collect::<Vec<_>>().join(", ");
        let text = self.text(value, &format!("one of {words}, in quotes"))?;
        let read = T::from_str(text, false).ok();
        if read.is_none() {
            self.wrong(value.span(), format!("`{text:.40}` is nothing that {name} can be: write one of {words}"));
        }
        read
    }

    /// True or false.
    pub fn switch(&mut self, name: &str, value: &Value<'_>) -> Option<bool> {
        if let DeValue::Boolean(is_on) = value.get_ref() {
            return Some(*is_on);
        }
        self.wrong(value.span(), format!("{name} is true or false, without quotes"));
        None
    }

    /// A table.
    pub fn table<'v, 't>(&mut self, name: &str, value: &'v Value<'t>) -> Option<&'v DeTable<'t>> {
        if let DeValue::Table(table) = value.get_ref() {
            return Some(table);
        }
        self.wrong(value.span(), format!("{name} is a table: write [{name}], and below it a line for each"));
        None
    }

    /// A name that is not known.
    pub fn unknown(&mut self, name: &Spanned<impl AsRef<str>>, what: &str, names: &[String]) {
        let word = name.get_ref().as_ref();
        let nearest = names.iter().map(|name| (osa_distance(word, name), name)).min();
        // A slip of the pen, of a third of the word.
        let meant = nearest.filter(|(distance, _)| *distance <= word.chars().count().max(3) / 3 + 1);
        let advice = match meant {
            Some((_, meant)) => format!("write {meant}"),
            None => format!("there are {}", names.join(", ")),
        };
        self.wrong(name.span(), format!("`{word:.40}` is no {what}: {advice}"));
    }
}
