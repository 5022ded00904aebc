//! The means by which hooks are attached: each is as exact as the other.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::verify::Truth;

use super::{Bench, PATIENCE, profile::Recorded};
use crate::{boot::console_watch::End, clock::Clock, guest::job::Job};

/// A sweep small enough for means that cost more.
const BY_KPROBE: &str = "
grantscope record -o /out/kprobe.gsr --clock counted --attach kprobe -- \
    grantscope-workload run --peer 1 --pages 1,16 --iterations 50 --truth /out/truth.json
";

/// What a kernel without fentry would give: the same counts and outcomes, by kprobes.
pub fn kprobes_are_exact(bench: &Bench) -> Result<()> {
    let out = bench.out("kprobe");
    let outcome = bench.full()?.run(&Job::Script(BY_KPROBE.into()), Clock::Counted, PATIENCE, &out, &mut ())?;
    ensure!(outcome.end == End::Pass, bench.unexpected("kprobe", &outcome));
    let recorded = Recorded::read(&out.join("kprobe.gsr"))?;
    let environment = recorded.aggregate.environment().context("the recording has no environment")?;
    let mut means: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for hook in &environment.hooks {
        means.entry(hook.attached_by.as_deref().unwrap_or("nothing")).or_default().push(hook.hook.name());
    }
    ensure!(means.keys().eq(&["kprobe", "raw tracepoint"]), "not every function is hooked by a kprobe: {means:?}");
    tell!("{} hooks attached without fentry on Linux {}", environment.hooks.len(), environment.kernel);
    recorded.agrees_with(&Truth::parse(&fs::read_to_string(out.join("truth.json"))?)?)
}
