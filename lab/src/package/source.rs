//! What the packages are made from: the last commit, whose time stands for the time of every file.

use std::process::Command;

use anyhow::{Context, Result};

use crate::{command, place};

/// Overrides the time, as for every tool that makes packages: https://reproducible-builds.org/specs/source-date-epoch/.
const EPOCH_VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// A state of the source.
#[derive(Debug, Clone)]
pub struct Source {
    /// The time of all files, in seconds since 1970.
    pub epoch: u64,
    /// The commit, and whether the tree differs from it, in words.
    pub state: String,
    /// The time as a Debian changelog has it.
    pub date: String,
}

impl Source {
    /// That of the work tree.
    ///
    /// # Errors
    /// When there is neither a commit nor the variable, or the time is no number.
    pub fn of_work_tree() -> Result<Self> {
        let set = std::env::var(EPOCH_VARIABLE).ok();
        let commit = git(&["log", "-1", "--format=%h %ct"]);
        let (state, epoch) = match (&commit, set) {
            (Ok(commit), set) => {
                let (hash, time) = commit.trim().split_once(' ').context("git log names no commit")?;
                let changed = !git(&["status", "--porcelain", "--untracked-files=no"])?.trim().is_empty();
                let changes = if changed { ", with changes that are not committed" } else { "" };
                (format!("commit {hash}{changes}"), set.unwrap_or_else(|| time.to_owned()))
            }
            (Err(_), Some(set)) => ("a source that is no git work tree".to_owned(), set),
            (Err(error), None) => {
                anyhow::bail!(
                    "the packages have the time of the last commit, and there is none: set {EPOCH_VARIABLE} ({error:#})"
                )
            }
        };
        let epoch = epoch.trim().parse().with_context(|| format!("{EPOCH_VARIABLE} is {epoch:?}: it is seconds since 1970"))?;
        let date = command::output(Command::new("date").env("LC_ALL", "C").args(["-u", "-R", "-d"]).arg(format!("@{epoch}")))?;
        Ok(Self { epoch, state, date: date.trim().to_owned() })
    }
}

fn git(arguments: &[&str]) -> Result<String> {
    command::output(Command::new("git").current_dir(place::work_tree()).args(arguments))
}
