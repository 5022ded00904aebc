//! `cargo xtask tidy`: the rules that the tree keeps to, alone.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use anyhow::{Result, bail};

use crate::{
    place,
    tidy::{RULES, Rule, Tree},
};

/// Checks the whole tree, and prints of each rule whether it is kept.
///
/// # Errors
/// When the tree cannot be read.
pub fn run() -> Result<ExitCode> {
    let tree = Tree::read(place::work_tree())?;
    let (mut kept, mut out) = (true, io::stdout().lock());
    for rule in RULES {
        let result = check(rule, &tree);
        kept &= result.is_ok();
        // A reader who has seen enough (`| head`) does not change the verdict.
        let _ = match result {
            Ok(()) => writeln!(out, "ok   {}", rule.name),
            Err(error) => writeln!(out, "{error:#}\nFAIL {}", rule.name),
        };
    }
    Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One rule; the error lists every place that breaks it.
///
/// # Errors
/// When a place breaks the rule, or the rule cannot be checked.
pub fn check(rule: &Rule, tree: &Tree) -> Result<()> {
    let findings = (rule.findings)(tree)?;
    if !findings.is_empty() {
        bail!("{}", findings.join("\n"));
    }
    Ok(())
}
