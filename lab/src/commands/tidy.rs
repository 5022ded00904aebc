//! `cargo xtask tidy`: the rules that the tree keeps to, alone.

use std::process::ExitCode;

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
    let mut kept = true;
    for rule in RULES {
        let result = check(rule, &tree);
        kept &= result.is_ok();
        match result {
            Ok(()) => println!("ok   {}", rule.name),
            Err(error) => println!("{error:#}\nFAIL {}", rule.name),
        }
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
