//! Attach modes: each is as exact as the other.

use anyhow::{Result, ensure};

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
