//! Attach modes and details: each is as exact as the other.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use grantscope_analysis::model::Operation;
use grantscope_wire::{HookId, Op, Stage};

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

/// More threads sleep in one function than the kernel gives a kretprobe instances for, three times: with tracefs, by which it can be asked
/// for more, and without.
const ASLEEP: &str = r#"
cat >/tmp/asleep.toml <<END
version = 1
name = "asleep"
summary = "many threads wait in one function at once"
imitates = "Nothing."
iterations = 3
warmup = 0

[[workers]]
name = "sleeper"
threads = 40
each = [
  { export = "frame", pages = 1, buffer = "pages" },
  { attach = "frame" },
  { release = "frame" },
  { wait = "frame", limit_ms = 1000, expect = "ETIMEDOUT" },
  { detach = "frame" },
]
END
asleep() {
    grantscope record -o /out/$1.gsr --clock counted --attach kprobe -- \
        grantscope-workload run --scenario /tmp/asleep.toml --self --truth /out/$1.json || exit
    cat /sys/kernel/tracing/kprobe_events >/out/$1.left 2>/dev/null || :
}
# What a recorder leaves that is killed, the next one removes.
grantscope record -o /tmp/killed.gsr --attach kprobe -- sh -c 'kill -9 $PPID; sleep 1' 2>/dev/null
cat /sys/kernel/tracing/kprobe_events >/out/killed.left
asleep asleep
umount /sys/kernel/tracing && umount -l /sys/kernel/debug || exit
asleep cramped
"#;

/// With room for them, all returns are seen; without, those that a kretprobe misses are counted, those of the last round too, after which
/// no task comes again.
pub fn missed_returns_are_counted(harness: &Harness) -> Result<()> {
    let out = harness.out("asleep");
    let outcome = harness.passes(harness.full()?, "asleep", &Job::Script(ASLEEP.into()), Clock::Counted)?;
    ensure!(!outcome.required("killed.left")?.is_empty(), "a recorder that was killed left nothing: does it use tracefs?");
    ensure!(outcome.required("asleep.left")?.is_empty(), "left behind: {}", outcome.required("asleep.left")?);
    Recorded::read(&out.join("asleep.gsr"))?.agrees_with(&truth(&out.join("asleep.json"))?)?;
    let recorded = Recorded::read(&out.join("cramped.gsr"))?;
    let by_ioctl = |name: &str| Op::ALL.iter().any(|op| op.name() == name && op.reported_by() == HookId::GntdevIoctl);
    let made = truth(&out.join("cramped.json"))?.operations().filter(|call| by_ioctl(&call.op)).count() as u64;
    let kept = recorded.operations.iter().filter(|operation| by_ioctl(operation.op.name())).count() as u64;
    let lost = recorded.aggregate.lost(Op::WaitReleased);
    note!("of {made} ioctls {kept} were kept, and {lost} lost");
    ensure!(lost >= 90, "of 120 waits, ten at a time have an instance of the kretprobe");
    ensure!(kept + lost == made, "kept and lost do not make {made} ioctls");
    what_was_swallowed_is_counted(&recorded, &out)
}

/// What else their threads did meanwhile was taken for a part of the waits, and is counted.
fn what_was_swallowed_is_counted(recorded: &Recorded, out: &Path) -> Result<()> {
    let truth = truth(&out.join("cramped.json"))?;
    for op in [Op::Attach, Op::Detach, Op::Release, Op::Close] {
        let made = truth.operations().filter(|call| call.op == op.name()).count() as u64;
        let kept = recorded.operations.iter().filter(|operation| operation.op == op).count() as u64;
        let lost = recorded.aggregate.lost(op);
        note!("of {made} {} {kept} were kept, and {lost} lost", op.name());
        ensure!(kept + lost == made, "kept and lost do not make {made} {}", op.name());
    }
    let swallowed = recorded.aggregate.lost(Op::Detach);
    ensure!(swallowed >= 90, "of 120 waits, ten at a time have an instance of the kretprobe, and the rest swallow what follows");
    Ok(())
}

/// The details that are not the default; the least by the mode that sees no arguments at a function's return; and a filter that lets
/// everything pass, with which teardowns have records of their own, also those that are deferred.
const WAYS: [(&str, &str, &str); 5] = [
    ("operations", "--detail operations", SMALL_SWEEP),
    ("full", "--detail full", SMALL_SWEEP),
    ("kprobe-operations", "--detail operations --attach kprobe", SMALL_SWEEP),
    ("filtered", "--comm grantscope-work", SMALL_SWEEP),
    ("filtered-deferred", "--comm grantscope-work", "--scenario deferred --peer 1 --iterations 5"),
];
const SMALL_SWEEP: &str = "--peer 1 --pages 1,16 --iterations 20";

/// Whatever is watched, every operation is counted; and stages are where they are watched.
pub fn every_way_is_exact(harness: &Harness) -> Result<()> {
    let out = harness.out("details");
    let script: String = WAYS
        .iter()
        .map(|(name, options, load)| {
            format!(
                "grantscope record -o /out/{name}.gsr --clock counted {options} -- \
                 grantscope-workload run {load} --truth /out/{name}.json || exit\n"
            )
        })
        .collect();
    harness.passes(harness.full()?, "details", &Job::Script(script), Clock::Counted)?;
    for (name, options, load) in WAYS {
        let recorded = Recorded::read(&out.join(name).with_extension("gsr"))?;
        let truth = truth(&out.join(name).with_extension("json"))?;
        if options.contains("--comm") {
            // The judge takes no recording that may lack something.
            let (kept, made) = (recorded.aggregate.operations(), truth.operation_count());
            note!("{kept} operations with {options}");
            ensure!(kept == made, "{name}: {kept} operations were recorded of {made}");
            ensure!(recorded.operations.iter().all(Operation::adds_up), "{name}: stages do not add up");
        } else {
            recorded.agrees_with(&truth)?;
        }
        let map = recorded.operations.iter().find(|operation| operation.op == Op::Mmap).context("no mmap was recorded")?;
        let stages: Vec<_> = map.stages.iter().map(|span| span.stage).collect();
        let alone = stages == [Stage::Remainder];
        ensure!(alone == options.contains("operations"), "with {options} an mmap has the stages {stages:?}");
        let deferred =
            recorded.operations.iter().any(|operation| operation.stages.iter().any(|span| span.stage == Stage::Deferred));
        ensure!(deferred == load.contains("deferred"), "{name}: whether a teardown was deferred is not as asked for");
    }
    Ok(())
}
