//! The gate on ourselves: no operation and no stage became slower than in the recording that the repository has, the probes' own time
//! included.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{
    decide::{Outcome, Rule, compare},
    model::Phase,
    report::decide::{Decision, TEXT},
    runs::Run,
    series::{Phases, Times, Wanted},
};

use super::{harness::Harness, profile, recorded::Recorded};
use crate::place;

/// The baseline, and the environment variable by which a run takes its place.
const BASELINE: &str = "docs/recordings/sweep.gsr";
const UPDATE: &str = "GRANTSCOPE_UPDATE_DOCS";
/// Of raw times, of which the probes' are a part.
const LIMITS: [&str; 2] = ["* p50=5%,500ns", "export.* dma_alloc=5%,200ns balloon_out=5%,200ns map_hypercall=5%,200ns"];
/// The chance that any verdict is wrong.
const ERROR_RATE: f64 = 0.01;

/// What may differ: a hook that the baseline's recorder did not have yet. What it costs is in the raw times.
const ALLOWED: &str = "attach";

/// The sweep, beside the baseline.
pub fn nothing_became_slower(harness: &Harness) -> Result<()> {
    let recording = profile::sweep(harness, 0)?.join("recording.gsr");
    let baseline = place::work_tree().join(BASELINE);
    let [base, head] = [&baseline, &recording].map(|path| run(path));
    let rules = LIMITS.map(|limit| Rule::parse(limit).unwrap_or_else(|problem| unreachable!("{limit}: {problem}")));
    let names = ["the baseline", "this work tree"].map(str::to_owned);
    let comparison = compare(names, &[base?], &[head?], &rules, ERROR_RATE);
    let allowed = [ALLOWED.to_owned()];
    let outcome = comparison.outcome(&allowed, true);
    let text = (TEXT.write)(&[Decision { comparison: &comparison, allowed: &allowed, outcome }]);
    if std::env::var_os(UPDATE).is_some() {
        println!("{text}");
        return fs::copy(&recording, &baseline).map(drop).with_context(|| format!("{BASELINE} cannot be written"));
    }
    ensure!(
        outcome == Outcome::Pass,
        "slower than {BASELINE}, or not comparable with it; if that is meant to be, {UPDATE}=1 makes this run the baseline\n{text}"
    );
    let verdicts = comparison.verdicts().map(|(verdict, count)| format!("{count} {}", verdict.name()));
    note!("{}", verdicts.join(", "));
    Ok(())
}

fn run(path: &Path) -> Result<Run> {
    let wanted = Wanted { times: Times::Raw, phases: Phases::Only(Phase::Measured), ..Wanted::default() };
    Ok(Run::from(&Recorded::read_as(path, wanted)?.aggregate))
}
