//! Consent: the system is not changed before the person has agreed.

use std::io::{IsTerminal, Write};

use anyhow::{Result, bail};

/// Whether the person has agreed that the system be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// Ask each time.
    Ask,
    /// Agreed to everything, by `--yes` or on a build machine.
    Given,
}

impl Consent {
    /// Consent by `--yes`, or by the variable CI, which build machines set.
    pub fn new(yes: bool) -> Self {
        let on_a_build_machine = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        if yes || on_a_build_machine { Self::Given } else { Self::Ask }
    }

    /// Asks a question.
    ///
    /// # Errors
    /// If the answer is no, or standard input is not a terminal.
    pub fn ask(self, question: &str) -> Result<()> {
        if self == Self::Given {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            bail!("{question} There is no terminal to answer on: --yes agrees to everything");
        }
        eprint!("{question} [y/N] ");
        std::io::stderr().flush()?;
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer)?;
        if is_yes(&answer) {
            return Ok(());
        }
        bail!("not installed: without it the lab cannot be built")
    }
}

fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_consent() {
        assert!(is_yes("y\n") && is_yes("Yes\n"));
        assert!(!is_yes("\n") && !is_yes("no\n") && !is_yes("maybe y\n"));
    }
}
