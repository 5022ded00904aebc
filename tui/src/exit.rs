//! How the command ends: the table of its exit codes, and the one line that an error becomes.

use grantscope_output::say;
use std::fmt::{self, Write};
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::Error;
use grantscope_analysis::shown::Shown;

/// An error is a line; what it quotes may be long.
const MOST_COLUMNS: usize = 4096;

/// What an exit code means. Help texts and documents are made from this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// All was done.
    Done,
    /// Something went wrong.
    Error,
    /// The command line was wrong: clap ends the program with it, or a [`WrongUsage`].
    Usage,
    /// What was compared differs.
    Differs,
    /// Part of it was done.
    Partial,
    /// A signal ended it: 128 and the number of the signal, as shells show it.
    Signal,
    /// The exit code of the command that was recorded.
    OfCommand,
}

/// The exit codes of a verb, each with what it means there where that is more than `Code::about` says.
pub type Exits = &'static [(Code, Option<&'static str>)];

/// The exit codes of a verb that reads a recording.
pub const OF_A_READER: Exits = &[(Code::Done, None), (Code::Error, None), (Code::Usage, None), (Code::Partial, None)];

/// 128 and the number of a signal is what shells show for a program that the signal ended.
const SIGNAL_BASE: u8 = 128;

impl Code {
    /// All, in the order of the help texts.
    pub const ALL: &[Self] = &[Self::Done, Self::Error, Self::Usage, Self::Differs, Self::Partial, Self::Signal, Self::OfCommand];

    /// The number that the shell gets; `None`: it is not one number.
    pub const fn number(self) -> Option<u8> {
        match self {
            Self::Done => Some(0),
            Self::Error => Some(1),
            Self::Usage => Some(2),
            Self::Differs => Some(3),
            Self::Partial => Some(4),
            Self::Signal | Self::OfCommand => None,
        }
    }

    /// The number as help texts write it.
    pub fn written(self) -> String {
        match self.number() {
            Some(number) => number.to_string(),
            None if self == Self::Signal => format!("{SIGNAL_BASE}+N"),
            None => "any".to_owned(),
        }
    }

    /// What it means, whatever the verb.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error => "error",
            Self::Usage => "wrong command line",
            Self::Differs => "what was compared differs",
            Self::Partial => "the recording is cut short or damaged: everything before that was used",
            Self::Signal => "ended by signal N",
            Self::OfCommand => "that of COMMAND, if `record` was given one",
        }
    }

    /// The same for the list of all, where there is room.
    const fn about_in_full(self) -> &'static str {
        match self {
            Self::Error => "error: one line on standard error says what, on what, and what to do next",
            _ => self.about(),
        }
    }
}

/// The line that ends the help text of a verb.
pub fn line(exits: &[(Code, Option<&str>)]) -> String {
    let each = exits.iter().map(|(code, here)| format!("{} {}", code.written(), here.unwrap_or(code.about())));
    format!("Exit codes: {}.", each.collect::<Vec<_>>().join(", "))
}

/// The list that ends the main help text: all codes, and the verbs in which one means something else.
pub fn list(verbs: &[(String, Exits)]) -> String {
    let mut list = "Exit codes:".to_owned();
    for &code in Code::ALL {
        let _ = write!(list, "\n  {:<5}  {}", code.written(), code.about_in_full());
        for (verb, exits) in verbs {
            let here = exits.iter().filter(|(other, _)| *other == code).find_map(|(_, here)| *here);
            if let Some(here) = here {
                let _ = write!(list, "\n  {:<5}  {verb}: {here}", "");
            }
        }
    }
    list
}

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With one of the codes that are a number.
    Code(Code),
    /// A signal ended it.
    Signal(u8),
    /// The command that was run under the profiler ended with this code, which is passed on.
    Child(u8),
}

impl Exit {
    /// All was done.
    pub const OK: Self = Self::Code(Code::Done);
    /// Part of it: of a recording that was cut short or damaged all that stands before, of a machine what it can do.
    pub const PARTIAL: Self = Self::Code(Code::Partial);
    /// This machine cannot do it.
    pub const IMPOSSIBLE: Self = Self::Code(Code::Error);
    /// The command line was wrong.
    const USAGE: Self = Self::Code(Code::Usage);
    /// What was compared differs.
    pub const DIFFERS: Self = Self::Code(Code::Differs);

    fn number(self) -> u8 {
        match self {
            Self::Code(code) => code.number().expect("only codes that are a number are given as one"),
            Self::Signal(signal) => SIGNAL_BASE.saturating_add(signal),
            Self::Child(status) => status,
        }
    }
}

/// A wrong command line that is only known to be wrong when what it names has been read: `anyhow::Error::msg` takes it.
#[derive(Clone, Debug)]
pub struct WrongUsage(pub String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reports an error to the user, and the exit code to the shell.
pub fn code(result: Result<Exit, Error>) -> ExitCode {
    match result {
        Ok(exit) => ExitCode::from(exit.number()),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say!("grantscope: {:.MOST_COLUMNS$}", Shown(&said(&error)));
            let exit = if error.is::<WrongUsage>() { Exit::USAGE } else { Exit::IMPOSSIBLE };
            ExitCode::from(exit.number())
        }
    }
}

/// One of the system alone is about what is printed: every other says which file it is about.
fn said(error: &Error) -> String {
    if error.chain().count() == 1 && error.is::<std::io::Error>() {
        return format!("what is printed cannot be written ({error}); make room, or send it to another place");
    }
    format!("{error:#}")
}

/// The reader of our output has seen enough (`grantscope summary FILE | head`): not an error.
fn is_broken_pipe(error: &Error) -> bool {
    let kinds = error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).map(std::io::Error::kind);
    kinds.into_iter().any(|kind| kind == ErrorKind::BrokenPipe)
}
