//! The command line: a file for each verb, and the table of which the subcommands are made.

pub mod bench;
pub mod compare;
pub mod config;
pub mod doctor;
pub mod export;
pub mod judge;
pub mod maps;
pub mod merge;
pub mod record;
pub mod shot;
pub mod summary;
pub mod top;
pub mod verb;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory, Parser};

use self::verb::{Example, Row};
use crate::exit::{self, Code, Exit};

/// All verbs, in the order of the help text.
pub const VERBS: &[Row] = &[
    Row::of::<top::Top>(),
    Row::of::<record::Record>(),
    Row::of::<bench::Bench>(),
    Row::of::<export::Export>(),
    Row::of::<merge::Merge>(),
    Row::of::<summary::Summary>(),
    Row::of::<shot::Shot>(),
    Row::of::<compare::Compare>(),
    Row::of::<judge::Judge>(),
    Row::of::<doctor::Doctor>(),
    Row::of::<maps::Maps>(),
    Row::of::<config::Config>(),
];

/// See what mapping Xen grants costs: how long each operation takes, where in the kernel the time goes, and what is lost.
///
/// grantscope watches the grant mapping drivers of a Linux domain (gntdev and gntalloc) from inside the kernel. It keeps
/// one record per operation and one histogram per operation, buffer kind and page count, with 3 significant digits, and it
/// compares ordinary pages with write-combining and coherent DMA buffers.
///
/// `record`, `bench`, `doctor`, and `top` and `maps` without a recording look at this machine: they need root, Xen and a
/// grantscope with the probes inside (`cargo xtask build --native`). What reads a recording works on any machine.
#[derive(Debug, Parser)]
#[command(name = "grantscope", version, subcommand_required = true, arg_required_else_help = true)]
struct Grantscope;

/// One of each kind of use.
const EXAMPLES: &[Example] = &[
    Example("grantscope top --replay recording.gsr", "play a recording"),
    Example("ssh board grantscope record -o - | grantscope top -", "watch a board from a workstation"),
    Example("grantscope record -o run.gsr -- ./my-backend --once", "profile a program of yours"),
    Example("grantscope export --format csv run.gsr -o run.csv", "numbers for other tools"),
    Example("grantscope summary run.gsr", "the table alone"),
    Example("grantscope maps", "what is mapped now"),
];

/// The whole command line.
pub fn command_line() -> Command {
    let verbs: Vec<_> = VERBS.iter().map(|verb| ((verb.command)().get_name().to_owned(), verb.exits)).collect();
    let exits: Vec<_> = Code::ALL.iter().map(|&code| (code, None)).collect();
    Grantscope::command()
        .after_help(exit::line(&exits))
        .after_long_help(format!("{}\n\n{}", verb::examples(EXAMPLES), exit::list(&verbs)))
        .subcommands(VERBS.iter().map(|verb| (verb.command)()))
}

/// Parses the command line of this process, and does what it says. Ends the process if it is wrong, or asks for help.
///
/// # Errors
/// What went wrong, in a line for the user.
pub fn run() -> Result<Exit> {
    let matches = command_line().try_get_matches().unwrap_or_else(|error| with_tip(error).exit());
    let (name, arguments) = matches.subcommand().expect("clap asks for a verb");
    let verb = VERBS.iter().find(|verb| (verb.command)().get_name() == name).expect("clap knows the verbs of the table alone");
    (verb.run)(arguments)
}

/// A command behind `record` without `--` is called unexpected: that says how it is meant.
fn with_tip(mut error: clap::Error) -> clap::Error {
    let is_word = |word: &ContextValue| matches!(word, ContextValue::String(word) if !word.starts_with('-'));
    let takes_command = error.get(ContextKind::Usage).is_some_and(|usage| usage.to_string().contains("[-- <COMMAND>...]"));
    if error.kind() == ErrorKind::UnknownArgument && takes_command && error.get(ContextKind::InvalidArg).is_some_and(is_word) {
        let tip = "a command to run stands behind `--`, as in `grantscope record -o run.gsr -- ./my-backend --once`";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    error
}

#[cfg(test)]
mod tests;
