//! A configuration file as values. All of it is right, or nothing of it is used.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::str::{self, FromStr};

use grantscope_analysis::toml_text::{self, Place};
use ratatui::style::Color as Ink;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::mistake::Mistake;
use crate::config::reader::{Reader, Value};
use crate::options::wanted::{Ascii, Color};
use crate::screen::command::Command;
use crate::screen::key::Key;
use crate::screen::keys::Keys;
use crate::screen::palette::Palette;
use crate::screen::views;

/// The table of keys.
pub const KEYS: &str = "keys";
/// The table of colours.
pub const COLOURS: &str = "colours";
/// What is set outside of tables.
pub const COLOR: &str = "color";
/// The same.
pub const ASCII: &str = "ascii";
/// The same.
pub const MOUSE: &str = "mouse";

/// What a configuration file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How many colours; `None`: it does not say.
    pub color: Option<Color>,
    /// Whether characters are those of ASCII alone.
    pub ascii: Option<Ascii>,
    /// Whether the mouse selects and scrolls.
    pub mouse: Option<bool>,
    /// The colours of the roles.
    pub palette: Palette,
    /// The keys.
    pub keys: Keys,
    lines: BTreeMap<String, usize>,
}

impl Default for Config {
    fn default() -> Self {
        let (palette, keys, lines) = (Palette::default(), views::keys(), BTreeMap::new());
        Self { color: None, ascii: None, mouse: None, palette, keys, lines }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// The first mistake.
    pub fn parse(bytes: &[u8]) -> Result<Self, Mistake> {
        let text = str::from_utf8(bytes).map_err(|error| Mistake {
            place: Place::of(&String::from_utf8_lossy(&bytes[..error.valid_up_to()]), error.valid_up_to()),
            what: "this is no text in UTF-8: save the file in that encoding".to_owned(),
        })?;
        toml_text::guard(text)
            .map_err(|refused| Mistake { place: Place::of(text, refused.at), what: refused.what.to_owned() })?;
        let table = DeTable::parse(text).map_err(|error| {
            let what = format!("this is no TOML: {}", error.message().trim().replace('\n', ", "));
            Mistake { place: Place::of(text, error.span().map_or(0, |span| span.start)), what }
        })?;
        let mut reader = Reader::new(text);
        let mut config = Self::default();
        for (name, value) in table.get_ref() {
            config.read(name, value, &mut reader);
        }
        Ok(Self { lines: reader.end()?, ..config })
    }

    /// In which line this name of this table is set; `None`: in none. The name alone is that of something outside of tables.
    pub fn line(&self, table: Option<&str>, name: &str) -> Option<usize> {
        self.lines.get(&full(table, name)).copied()
    }

    fn read(&mut self, name: &Spanned<impl AsRef<str>>, value: &Value<'_>, reader: &mut Reader<'_>) {
        let tables = [COLOURS, KEYS];
        match name.get_ref().as_ref() {
            // `[color]` and `[colors]` are meant to be the table of colours.
            other if matches!(value.get_ref(), DeValue::Table(_)) && !tables.contains(&other) => {
                reader.unknown(name, "table", &tables.map(str::to_owned));
            }
            KEYS => reader.table(KEYS, value).into_iter().for_each(|table| self.read_keys(table, reader)),
            COLOURS => reader.table(COLOURS, value).into_iter().for_each(|table| self.read_colours(table, reader)),
            COLOR => self.color = reader.word(COLOR, value),
            ASCII => self.ascii = reader.word(ASCII, value),
            MOUSE => self.mouse = reader.switch(MOUSE, value),
            _ => reader.unknown(name, "setting", &[COLOR, ASCII, MOUSE, COLOURS, KEYS].map(str::to_owned)),
        }
        reader.set(name.get_ref().as_ref().to_owned(), name.span());
    }

    fn read_colours(&mut self, table: &DeTable<'_>, reader: &mut Reader<'_>) {
        for (name, value) in table {
            let Some(text) = reader.text(value, "a colour in quotes, as \"red\", \"208\" or \"#ff8000\"") else { continue };
            let Ok(ink) = Ink::from_str(text) else {
                let what = format!(
                    "`{text:.40}` is no colour: write a name such as \"red\" or \"lightblue\", \"0\" to \"255\", or \"#ff8000\""
                );
                reader.wrong(value.span(), what);
                continue;
            };
            match self.palette.with(name.get_ref(), ink) {
                Some(palette) => self.palette = palette,
                None => reader.unknown(name, "role of a colour", &Palette::names().map(str::to_owned).collect::<Vec<_>>()),
            }
            reader.set(full(Some(COLOURS), name.get_ref()), name.span());
        }
    }

    fn read_keys(&mut self, table: &DeTable<'_>, reader: &mut Reader<'_>) {
        let names: Vec<_> = self.keys.all().iter().map(|bound| (bound.name(), bound.command)).collect();
        let mut wanted = Vec::new();
        // Which command has a key, and where that is said. In the order of the file: the second of two is the mistake.
        let mut given: HashMap<Key, (String, Range<usize>)> = HashMap::new();
        let mut in_order: Vec<_> = table.iter().collect();
        in_order.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in in_order {
            let Some((known, command)) = names.iter().find(|(known, _)| known == name.get_ref().as_ref()) else {
                reader.unknown(name, "command", &names.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
                continue;
            };
            reader.set(full(Some(KEYS), known), name.span());
            let mut keys = Vec::new();
            for (key, span) in keys_of(known, value, reader) {
                let is_digit = matches!(key.code(), crossterm::event::KeyCode::Char('1'..='9'));
                if matches!(command, Command::Number(_)) && !is_digit {
                    reader.wrong(
                        span.clone(),
                        format!("the keys of {known} are digits from \"1\" to \"9\": each opens the view of its number"),
                    );
                }
                if let Some((other, there)) = given.get(&key) {
                    let what =
                        format!("{key} is a key of {other} already, in line {}: leave out one of them", reader.line(there));
                    reader.wrong(span.clone(), what);
                }
                given.insert(key, (known.clone(), span));
                keys.push(key);
            }
            wanted.push((known.clone(), keys));
        }
        self.keys = self.keys.clone().changed(&wanted);
        let quit = self.keys.of(Command::Quit);
        if quit.keys.is_empty() {
            // Set to none, or taken by another.
            let own = table.iter().find(|(name, _)| *name.get_ref() == quit.name()).map(|(_, value)| value.span());
            let taken = quit.lost().iter().find_map(|key| given.get(key)).map(|(_, span)| span.clone());
            let what = format!("no key is left to {}: give it one in [{KEYS}], as in {0} = \"Q\"", quit.name());
            reader.wrong(own.or(taken).unwrap_or(0..0), what);
        }
    }
}

/// The keys of a command that can be read.
fn keys_of(name: &str, value: &Value<'_>, reader: &mut Reader<'_>) -> Vec<(Key, Range<usize>)> {
    let expected = format!("a key or a list of keys in quotes, as in {name} = \"o\" or {name} = [\"o\", \"Ctrl-o\"]");
    let all = match value.get_ref() {
        DeValue::Array(all) => all.iter().collect(),
        _ => vec![value],
    };
    let key = |one: &Value<'_>| {
        let text = reader.text(one, &expected)?;
        text.parse().map_err(|what| reader.wrong(one.span(), what)).ok().map(|key| (key, one.span()))
    };
    all.into_iter().filter_map(key).collect()
}

fn full(table: Option<&str>, name: &str) -> String {
    table.map_or_else(|| name.to_owned(), |table| format!("{table}.{name}"))
}

#[cfg(test)]
mod tests;
