//! Man pages and shell completions of both programs, made of the command lines that the programs parse with.

mod completions;
mod file;
mod page;

use clap::{Command, CommandFactory};

pub use file::File;

/// All pages and completions of both programs.
///
/// # Errors
/// When one cannot be written as text.
pub fn files() -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for program in programs() {
        files.extend(page::pages(&program)?);
        files.extend(completions::completions(&program)?);
    }
    Ok(files)
}

/// The command lines of both programs, with all that clap fills in before it parses.
fn programs() -> [Command; 2] {
    [grantscope::commands::command_line(), grantscope_workload::cli::Cli::command()].map(|program| {
        // A page of `help` would say no more than the others.
        let mut program = program.disable_help_subcommand(true);
        program.build();
        program
    })
}

#[cfg(test)]
mod tests;
