//! The options that say what is judged, and what follows from it: `compare` and `bench` share them.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum, ValueHint};
use grantscope_analysis::decide::{Comparison, LimitsFile, Outcome, Rule};
use grantscope_analysis::report::decide::Decision;
use grantscope_analysis::shown::Shown;

use crate::exit::Exit;
use crate::options::allowed::Allowed;
use crate::source::text;

/// How much may change.
#[derive(Args, Clone, Debug)]
pub struct LimitsArgs {
    /// What may change by how much: `export.* p99=5%`, `map.pages p50=200ns`, `release.wc[pages>=256] dma_free=3%,100ns`
    #[arg(long, value_name = "LIMIT", value_parser = rule)]
    pub max: Vec<Rule>,

    /// A file of limits (docs/compare.md)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub check: Option<PathBuf>,
}

/// What is judged, and by which limits.
#[derive(Args, Clone, Debug)]
pub struct JudgedArgs {
    /// How much may change.
    #[command(flatten)]
    pub limits: LimitsArgs,

    /// What may be different; it is still said. A tag by its column, as in tag_branch
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = Allowed)]
    pub allow: Vec<String>,

    /// What follows from what is not decided
    #[arg(long, value_enum, default_value_t = Undecided::Fail)]
    pub inconclusive: Undecided,

    /// The chance that any verdict is wrong
    #[arg(long, value_name = "PERCENT", default_value = "1%", value_parser = percent)]
    pub error_rate: f64,
}

/// What follows from a verdict that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Undecided {
    /// Exit code 4
    Fail,
    /// Nothing
    Pass,
}

/// What those options say, with the file that they name.
#[derive(Clone, Debug)]
pub struct Judge {
    /// What is judged, and by which limits.
    pub rules: Vec<Rule>,
    /// The chance that any verdict is wrong.
    pub error_rate: f64,
    allowed: Vec<String>,
    undecided_passes: bool,
}

impl LimitsArgs {
    /// Whether there are any.
    pub fn are_given(&self) -> bool {
        !self.max.is_empty() || self.check.is_some()
    }

    /// Reads the file, where there is one. Without any limits, those that are usual.
    ///
    /// # Errors
    /// It cannot be read, or is no list of limits.
    pub fn read(&self) -> Result<LimitsFile> {
        let file = self.check.as_deref().map(limits_file).transpose()?.unwrap_or_default();
        let rules = if file.rules.is_empty() && self.max.is_empty() {
            vec![Rule::default_one()]
        } else {
            [file.rules, self.max.clone()].concat()
        };
        Ok(LimitsFile { rules, ..file })
    }
}

impl JudgedArgs {
    /// Reads the file, where there is one.
    ///
    /// # Errors
    /// It cannot be read, or is no list of limits.
    pub fn judge(&self) -> Result<Judge> {
        let LimitsFile { rules, allow, .. } = self.limits.read()?;
        Ok(Judge {
            rules,
            error_rate: self.error_rate,
            allowed: [allow, self.allow.clone()].concat(),
            undecided_passes: self.inconclusive == Undecided::Pass,
        })
    }
}

impl Judge {
    /// What follows from each comparison.
    pub fn decisions<'a>(&'a self, comparisons: &'a [Comparison]) -> Vec<Decision<'a>> {
        let decision = |comparison: &'a Comparison| Decision {
            comparison,
            allowed: &self.allowed,
            outcome: comparison.outcome(&self.allowed, self.undecided_passes),
        };
        comparisons.iter().map(decision).collect()
    }
}

/// The worst of all.
pub fn exit(decisions: &[Decision<'_>]) -> Exit {
    let has = |outcome| decisions.iter().any(|decision| decision.outcome == outcome);
    if has(Outcome::Regressed) {
        Exit::DIFFERS
    } else if has(Outcome::Undecided) {
        Exit::PARTIAL
    } else {
        Exit::OK
    }
}

/// More is no list of limits that somebody wrote.
const MOST_BYTES: u64 = 1 << 20;

fn limits_file(path: &Path) -> Result<LimitsFile> {
    let text = text::read(path, MOST_BYTES, "no list of limits")?;
    LimitsFile::parse(&text).map_err(|error| anyhow!("{}: {}", path.display(), Shown(&error)))
}

fn rule(text: &str) -> Result<Rule, String> {
    Rule::parse(text).map_err(|problem| format!("at column {}: {problem}", problem.at + 1))
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>().ok();
    number
        .filter(|percent| (1e-6..=50.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("`{text}` is no chance: expected one between 0.000001% and 50%"))
}
