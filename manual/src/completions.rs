//! Completions of the shells that distributions ship, each where its shell looks for those of packages.

use anyhow::{Context, Result};
use clap::Command;
use clap_complete::{Shell, generate};

use crate::file::File;

/// A shell, and the folder and the name of its completions of a program, which `{}` stands for.
const SHELLS: [(Shell, &str); 3] = [
    (Shell::Bash, "share/bash-completion/completions/{}"),
    // Debian's zsh looks there; /usr/share/zsh/site-functions is for the administrator.
    (Shell::Zsh, "share/zsh/vendor-completions/_{}"),
    (Shell::Fish, "share/fish/vendor_completions.d/{}.fish"),
];

/// A program's completions, for each shell.
///
/// # Errors
/// When one is not text.
pub fn completions(program: &Command) -> Result<Vec<File>> {
    SHELLS.iter().map(|&(shell, place)| completion(program, shell, place)).collect()
}

fn completion(program: &Command, shell: Shell, place: &str) -> Result<File> {
    let name = program.get_name();
    let mut script = Vec::new();
    generate(shell, &mut program.clone(), name, &mut script);
    let text = String::from_utf8(script).with_context(|| format!("the completions of {name} for {shell} are not text"))?;
    Ok(File { path: place.replace("{}", name), text })
}
