//! What a verb of the command line is made of. Each is a file beside this one, and a row of `VERBS`.

use anyhow::Result;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use crate::exit::{self, Exit, Exits};

/// A command line that works, and what it is for; empty: it says it by itself.
pub struct Example(pub &'static str, pub &'static str);

/// A verb: its arguments (the implementor, whose documentation is the help text), its examples, and what it does.
pub trait Verb: CommandFactory + FromArgMatches {
    /// Shown at the end of its help text. A test parses each.
    const EXAMPLES: &'static [Example];
    /// What else a user should know, below the examples.
    const NOTE: &'static str = "";
    /// How it ends.
    const EXITS: Exits;

    /// Does it.
    ///
    /// # Errors
    /// What went wrong, on what, and what to do next: the one line that the user reads.
    fn run(&self) -> Result<Exit>;
}

/// A row of `VERBS`: a verb without its type.
pub struct Row {
    /// Its part of the command line, with the whole help text.
    pub command: fn() -> Command,
    /// Does what was parsed.
    pub run: fn(&ArgMatches) -> Result<Exit>,
    /// `Verb::EXAMPLES`.
    pub examples: &'static [Example],
    /// `Verb::EXITS`.
    pub exits: Exits,
}

impl Row {
    /// The row of a verb.
    pub const fn of<V: Verb>() -> Self {
        Self { command: command::<V>, run: run::<V>, examples: V::EXAMPLES, exits: V::EXITS }
    }
}

fn command<V: Verb>() -> Command {
    let parts = [examples(V::EXAMPLES), V::NOTE.to_owned(), exit::line(V::EXITS)];
    V::command().after_long_help(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n"))
}

fn run<V: Verb>(matches: &ArgMatches) -> Result<Exit> {
    V::from_arg_matches(matches)?.run()
}

/// Examples as help texts show them.
pub fn examples(examples: &[Example]) -> String {
    let lines = examples.iter().map(|Example(line, about)| format!("\n  {line:<60} {about}").trim_end().to_owned());
    format!("Examples:{}", lines.collect::<String>())
}
