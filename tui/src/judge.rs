//! `grantscope judge`: a recording against the load generator's truth.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use grantscope_analysis::verify::{Truth, judge};

use crate::cli::JudgeArgs;
use crate::exit::Exit;
use crate::load;

/// Runs the command.
pub fn run(args: &JudgeArgs) -> Result<Exit> {
    let truths = args.truths.iter().map(|path| read_truth(path)).collect::<Result<Vec<_>>>()?;
    let truth = Truth::of_all(truths).context("no truth file was named")?;
    let (loaded, operations) = load::operations(&args.recording)?;
    loaded.report(&args.recording);
    let judgement = judge(&loaded.aggregate, &operations, &truth);
    let mut out = io::stdout().lock();
    for difference in &judgement.differences {
        writeln!(out, "{difference}")?;
    }
    let (series, operations) = (judgement.series, judgement.operations);
    let verdict = if judgement.agrees() { "agree" } else { "differ" };
    writeln!(out, "recording and truth {verdict}: {operations} operations in {series} series were compared")?;
    Ok(if judgement.agrees() { Exit::Ok } else { Exit::Differs })
}

fn read_truth(path: &Path) -> Result<Truth> {
    let json = fs::read_to_string(path).with_context(|| format!("{}: cannot be read; check the path", path.display()))?;
    Truth::parse(&json).with_context(|| path.display().to_string())
}
