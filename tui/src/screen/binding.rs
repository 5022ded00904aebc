//! A command and its keys: as it is built in, and as it is in force.

use crossterm::event::KeyCode;

use crate::screen::command::Command;
use crate::screen::key::Key;

/// A command with the keys that are built in: one line of the help screen, and one word of the footer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Binding {
    /// Keys that do it.
    pub codes: &'static [KeyCode],
    /// Keys that do it together with Ctrl.
    pub control: &'static [char],
    /// How the keys are written.
    pub shown: &'static str,
    /// What they do.
    pub command: Command,
    /// One word for the footer; with hyphens for blanks, its name in the configuration.
    pub word: &'static str,
    /// A sentence for the help screen.
    pub about: &'static str,
}

/// A binding.
pub const fn binding(
    codes: &'static [KeyCode],
    shown: &'static str,
    command: Command,
    word: &'static str,
    about: &'static str,
) -> Binding {
    Binding { codes, control: &[], shown, command, word, about }
}

impl Binding {
    /// These keys do it as well, with Ctrl.
    pub const fn or_control(self, control: &'static [char]) -> Self {
        Self { control, ..self }
    }

    fn keys(&self) -> Vec<Key> {
        let control = self.control.iter().map(|&letter| Key::control(letter));
        self.codes.iter().map(|&code| Key::plain(code)).chain(control).collect()
    }
}

/// A command with the keys that are in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound {
    /// The keys, the first of them for the footer. There may be none.
    pub keys: Vec<Key>,
    /// How the keys are written.
    pub shown: String,
    /// What they do.
    pub command: Command,
    /// One word for the footer.
    pub word: &'static str,
    /// A sentence for the help screen.
    pub about: &'static str,
    built_in: Binding,
}

/// What stands in place of a key where a command has none.
const NO_KEY: &str = "no key";

impl From<Binding> for Bound {
    fn from(built_in: Binding) -> Self {
        let Binding { command, word, about, .. } = built_in;
        Self { keys: built_in.keys(), shown: built_in.shown.to_owned(), command, word, about, built_in }
    }
}

impl Bound {
    /// The same command with these keys.
    pub fn with(self, keys: Vec<Key>) -> Self {
        let built_in = self.built_in;
        // Not all that are built in are written in the help: some are there for habit alone.
        if keys == built_in.keys() {
            return built_in.into();
        }
        let written: Vec<_> = keys.iter().map(Key::to_string).collect();
        let shown = if keys.is_empty() { NO_KEY.to_owned() } else { written.join(" ") };
        Self { keys, shown, ..self }
    }

    /// What it is called in the configuration.
    pub fn name(&self) -> String {
        self.word.replace(' ', "-")
    }

    /// The keys that are built in and are not in force.
    pub fn lost(&self) -> Vec<Key> {
        self.built_in.keys().into_iter().filter(|key| !self.keys.contains(key)).collect()
    }
}
