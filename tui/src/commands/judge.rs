//! `grantscope judge`: a recording against the load generator's truth.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Parser, ValueHint};
use grantscope_analysis::shown::counted;
use grantscope_analysis::verify::{Truth, judge};

use crate::commands::verb::{Example, Verb};
use crate::exit::{Code, Exit, Exits};
use crate::source::{load, text};

/// Compare a recording with what the load generator itself wrote down.
///
/// They agree if every series has the same count, nothing was lost, every operation lies within the call that asked for it
/// by the generator's own clock, and the stages of every operation add up to its duration. Each difference is a line.
///
/// Where neither has an operation nothing was compared, which is no agreement; nor is it one where the recording is damaged or
/// goes on behind its end.
///
/// If something else mapped grants on the machine meanwhile, that is a difference too: the truth does not contain it.
#[derive(Debug, Parser)]
#[command(name = "judge")]
pub struct Judge {
    /// The recording
    #[arg(value_name = "RECORDING", value_hint = ValueHint::FilePath)]
    pub recording: PathBuf,

    /// The truth file of the load generator (its --truth); several, if several ran
    #[arg(value_name = "TRUTH", value_hint = ValueHint::FilePath, required = true)]
    pub truths: Vec<PathBuf>,
}

impl Verb for Judge {
    const EXAMPLES: &'static [Example] =
        &[Example("grantscope bench --out results && grantscope judge results/recording.gsr results/truth.json", "")];
    const EXITS: Exits =
        &[(Code::Done, Some("they agree")), (Code::Error, None), (Code::Usage, None), (Code::Differs, Some("they differ"))];

    fn run(&self) -> Result<Exit> {
        let truths = self.truths.iter().map(|path| read_truth(path)).collect::<Result<Vec<_>>>()?;
        let truth = Truth::of_all(truths).context("no truth file was named")?;
        let (loaded, operations) = load::operations(&self.recording)?;
        let is_whole = loaded.report(&self.recording) == Exit::OK;
        let judgement = judge(&loaded.aggregate, &operations, &truth);
        let mut out = io::stdout().lock();
        for difference in &judgement.differences {
            writeln!(out, "{difference}")?;
        }
        let (series, operations) = (judgement.series, counted(judgement.operations as u64, "operation"));
        let agrees = judgement.agrees() && is_whole;
        let verdict = if agrees { "agree" } else { "differ" };
        writeln!(out, "recording and truth {verdict}: {operations} in {series} series were compared")?;
        Ok(if agrees { Exit::OK } else { Exit::DIFFERS })
    }
}

/// A truth file of two million calls has as many bytes, and takes some ten times as much memory.
const MOST_TRUTH_BYTES: u64 = 1 << 27;

fn read_truth(path: &Path) -> Result<Truth> {
    let json = text::read(path, MOST_TRUTH_BYTES, "more than a truth file is read of; judge shorter runs")?;
    Truth::parse(&json).with_context(|| path.display().to_string())
}
