//! Attach modes and details: each is as exact as the other.

use anyhow::{Context, Result, ensure};
use grantscope_wire::{Op, Stage};

use super::{
    harness::Harness,
    recorded::{Recorded, truth},
};
use crate::{guest::job::Job, platform::Clock};

/// A sweep small enough for a mode that costs more.
const BY_KPROBE: &str = "
grantscope record -o /out/kprobe.gsr --clock counted --attach kprobe -- \
    grantscope-workload run --peer 1 --pages 1,16 --iterations 50 --truth /out/truth.json
";

/// What a kernel without fentry would give: the same counts and outcomes, by kprobes.
pub fn kprobes_are_exact(harness: &Harness) -> Result<()> {
    let out = harness.out("kprobe");
    harness.passes(harness.full()?, "kprobe", &Job::Script(BY_KPROBE.into()), Clock::Counted)?;
    let recorded = Recorded::read(&out.join("kprobe.gsr"))?;
    let (environment, modes) = (recorded.environment()?, recorded.hooks_by_mode()?);
    ensure!(modes.keys().eq(&["kprobe", "raw tracepoint"]), "not every function is hooked by a kprobe: {modes:?}");
    note!("{} hooks attached without fentry on Linux {}", environment.hooks.len(), environment.kernel);
    recorded.agrees_with(&truth(&out.join("truth.json"))?)
}

/// The details that are not the default, and the least by the mode that sees no arguments at a function's return.
const DETAILS: [(&str, &str); 3] = [
    ("operations", "--detail operations"),
    ("full", "--detail full"),
    ("kprobe-operations", "--detail operations --attach kprobe"),
];

/// Whatever is watched, every operation is counted; and stages are where they are watched.
pub fn every_detail_is_exact(harness: &Harness) -> Result<()> {
    let out = harness.out("details");
    let script: String = DETAILS
        .iter()
        .map(|(name, options)| {
            format!(
                "grantscope record -o /out/{name}.gsr --clock counted {options} -- \
                 grantscope-workload run --peer 1 --pages 1,16 --iterations 20 --truth /out/{name}.json || exit\n"
            )
        })
        .collect();
    harness.passes(harness.full()?, "details", &Job::Script(script), Clock::Counted)?;
    for (name, _) in DETAILS {
        let recorded = Recorded::read(&out.join(name).with_extension("gsr"))?;
        recorded.agrees_with(&truth(&out.join(name).with_extension("json"))?)?;
        let map = recorded.operations.iter().find(|operation| operation.op == Op::Mmap).context("no mmap was recorded")?;
        let stages: Vec<_> = map.stages.iter().map(|span| span.stage).collect();
        let alone = stages == [Stage::Remainder];
        ensure!(alone == (name != "full"), "with --detail {name} an mmap has the stages {stages:?}");
    }
    Ok(())
}
