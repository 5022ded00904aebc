//! Recordings from real Xen equal the truth that was written independently.

use std::{collections::BTreeMap, path::PathBuf, sync::PoisonError};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{
    model::Operation,
    series::{Aggregate, SeriesKey},
    verify::judge,
};
use grantscope_wire::{Op, Stage};

use super::{
    harness::Harness,
    hooks_document, named, platforms_document,
    recorded::{Recorded, measured_counts_are, truth},
};
use crate::{
    guest::{
        job::{Command, Job},
        scenario,
    },
    platform::{Clock, MAIN},
};

/// Series with fewer operations are left out where two runs are compared: their median is a matter of chance.
const COMPARED_FROM: u64 = 50;
/// How far the medians of two runs may lie apart, as a share.
const REPEATS_WITHIN: f64 = 0.005;

/// The most memory that the recorder may have at once.
const RECORDER_MIB: f64 = 25.0;
/// As much of a processor the recorder of the sweep takes at the most.
const RECORDER_SHARE: f64 = 0.02;

/// The default sweep, buffers granted by dom1, every count, duration and stage.
pub fn sweep_is_exact(harness: &Harness) -> Result<()> {
    platforms_document::begins(MAIN.name);
    let out = sweep(harness, 0)?;
    let truth = truth(&out.join("truth.json"))?;
    ensure!(truth.skipped.is_empty(), "the sweep left out what the lab's kernel should be able to do: {:?}", truth.skipped);
    let recorded = Recorded::read(&out.join("recording.gsr"))?;
    recorded.agrees_with(&truth)?;
    platforms_document::is_exact(MAIN.name, &recorded)
}

/// Each row that people get of the sweep counts the iterations that were asked for: neither set-up nor warm-up; and the names that were
/// given before and after are there.
pub fn only_what_is_measured_is_counted(harness: &Harness) -> Result<()> {
    let out = sweep(harness, 0)?;
    let (recording, truth) = (out.join("recording.gsr"), truth(&out.join("truth.json"))?);
    measured_counts_are(&recording, &truth)?;
    named::are_around(&recording, &truth)
}

/// What the recorder of the sweep said of itself.
pub fn the_recorder_stays_small(harness: &Harness) -> Result<()> {
    let recorded = Recorded::read(&sweep(harness, 0)?.join("recording.gsr"))?;
    let used = recorded.aggregate.recorder().context("the recording does not say what the recorder used")?;
    let share = used.share().context("the recorder said only once what it used")?;
    let memory_bytes = used.memory_bytes().context("the recorder does not know its memory")?;
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let (memory_mib, most_mib) = (mib(memory_bytes), mib(used.most_memory_bytes()));
    note!("{:.2} % of a processor; {memory_mib:.1} MiB at last, {most_mib:.1} at most", share * 100.0);
    ensure!(share > 0.0 && share < RECORDER_SHARE, "no recorder takes that much of a processor, or so little");
    ensure!(
        most_mib <= RECORDER_MIB,
        "the recorder is to have at most {RECORDER_MIB} MiB: `cargo xtask bench recorder` says when it has how much"
    );
    Ok(())
}

/// The kernel's verifier took every program, and every hook is attached.
pub fn every_hook_attaches(harness: &Harness) -> Result<()> {
    let recorded = Recorded::read(&sweep(harness, 0)?.join("recording.gsr"))?;
    let environment = recorded.environment()?;
    let missing: Vec<_> = environment.hooks.iter().filter(|hook| hook.attached_by.is_none()).collect();
    ensure!(missing.is_empty(), "not attached: {missing:#?}");
    ensure!(environment.xen.is_some(), "the recording does not say which Xen it was made on");
    hooks_document::has_column(MAIN.name, &environment.hooks)?;
    note!("{} hooks attached on Linux {}", environment.hooks.len(), environment.kernel);
    Ok(())
}

/// Two boots give the same medians.
pub fn two_runs_repeat(harness: &Harness) -> Result<()> {
    // The second first: another check, at the same time, may be at the first.
    let [second, first] = [1, 0].map(|which| -> Result<_> {
        let recorded = Recorded::read(&sweep(harness, which)?.join("recording.gsr"))?;
        Ok(medians(&recorded.aggregate))
    });
    let (first, second) = (first?, second?);
    ensure!(first.keys().eq(second.keys()), "the two runs have different series");
    let mut largest: Option<(f64, SeriesKey)> = None;
    let mut apart = Vec::new();
    for (key, &before) in &first {
        let after = second[key];
        let difference = (after - before).abs() / before.min(after);
        if difference > REPEATS_WITHIN {
            apart.push(format!("{}: {before} and {after} ns, {:.2} %", name(key), difference * 100.0));
        }
        if largest.is_none_or(|(most, _)| difference > most) {
            largest = Some((difference, *key));
        }
    }
    let (difference, key) = largest.context("no series had enough operations to be compared")?;
    note!("{} series; the largest difference of p50 is {:.3} %, in {}", first.len(), difference * 100.0, name(&key));
    ensure!(apart.is_empty(), "medians of two runs lie more than {} % apart:\n  {}", REPEATS_WITHIN * 100.0, apart.join("\n  "));
    Ok(())
}

/// Calls that the kernel refuses, and copies: outcomes and page counts as exact as those of the sweep.
pub fn refusals_and_copies_are_exact(harness: &Harness) -> Result<()> {
    for name in ["refusals", "copy"] {
        let out = record(harness, name, scenario::command(MAIN, name)?)?;
        let truth = truth(&out.join("truth.json"))?;
        Recorded::read(&out.join("recording.gsr"))?.agrees_with(&truth).with_context(|| format!("the scenario {name}"))?;
    }
    Ok(())
}

/// A third-party client: a program in C on the raw ioctls.
pub fn third_party_client_is_exact(harness: &Harness) -> Result<()> {
    program_in_c_is_exact(harness, "foreign", Clock::Counted).map(drop)
}

/// Processes and threads at once on two processors, and every order of release.
pub fn crowd_is_exact(harness: &Harness) -> Result<()> {
    lock_waits_are_recorded(&program_in_c_is_exact(harness, "crowd", Clock::Wall)?.operations)
}

/// One thread of the program releases large buffers, which gntdev does under its lock, while another thread maps. That one waits,
/// and its wait lies in the stage of that name: where it does, it is at the same time as such a release for the most part.
fn lock_waits_are_recorded(operations: &[Operation]) -> Result<()> {
    const LARGE: u32 = 1000;
    let releases = || operations.iter().filter(|operation| operation.op == Op::Release && operation.pages == Some(LARGE));
    let waits = operations.iter().filter(|operation| operation.pages != Some(LARGE)).filter_map(|operation| {
        let span = operation.stages.iter().find(|span| span.stage == Stage::LockWait && span.calls == 1)?;
        let start_ns = operation.start_ns + u64::from(span.first_offset_ns);
        Some((operation, start_ns, span.self_ns))
    });
    let waits: Vec<_> = waits.collect();
    let for_a_release = waits.iter().filter(|(operation, start_ns, ns)| {
        releases().filter(|release| release.tgid == operation.tgid && release.tid != operation.tid).any(|release| {
            let end = (start_ns + ns).min(release.start_ns + release.duration_ns);
            end.saturating_sub(release.start_ns.max(*start_ns)) * 2 > *ns
        })
    });
    let for_a_release: Vec<_> = for_a_release.collect();
    let longest = for_a_release.iter().max_by_key(|(.., ns)| *ns).context("no call waited for a large buffer's release")?;
    let (operation, _, ns) = longest;
    note!(
        "{} waits for a lock, {} of them for a release of {LARGE} pages; the longest took {ns} of the {} ns of a {}",
        waits.len(),
        for_a_release.len(),
        operation.duration_ns,
        operation.op.name()
    );
    ensure!(ns * 2 > operation.duration_ns, "the wait is not the largest part of the operation that waited longest");
    Ok(())
}

fn program_in_c_is_exact(harness: &Harness, name: &str, clock: Clock) -> Result<Recorded> {
    let program = harness.program_in_c(name, MAIN.architecture)?;
    let path = program.to_str().context("the folder of the checks is not UTF-8")?;
    let out = record_by(harness, &format!("{name}-run"), Command::named(path, &[], MAIN.architecture)?, clock)?;
    let truth = truth(&out.join("stdout"))?;
    let recorded = Recorded::read(&out.join("recording.gsr"))?;
    recorded.agrees_with(&truth)?;
    Ok(recorded)
}

/// The recorder sleeps while more happens than its ring holds.
const OVERSLEPT: &str = "
grantscope record -o /out/overslept.gsr --clock counted 2>/out/recorder &
until grep -q 'hooks attached' /out/recorder; do kill -0 $! || exit; sleep 0.1; done
kill -STOP $!
grantscope-workload run --self --pages 1 --iterations 1500 --pause 0 --truth /out/truth.json || exit
kill -CONT $!
sleep 1
kill -INT $!
wait $!
";

/// What does not fit into the ring is counted: recorded and lost operations together are the truth.
pub fn losses_are_counted(harness: &Harness) -> Result<()> {
    let out = harness.out("overslept");
    harness.passes(harness.full()?, "overslept", &Job::Script(OVERSLEPT.into()), Clock::Counted)?;
    let truth = truth(&out.join("truth.json"))?;
    let recorded = Recorded::read(&out.join("overslept.gsr"))?;
    let (kept, lost) = (recorded.aggregate.operations(), recorded.aggregate.loss().operations());
    let made = truth.operation_count();
    note!("{kept} operations kept and {lost} lost, of {made}");
    ensure!(lost > 0, "nothing was lost, so nothing was shown: have the workload do more");
    ensure!(kept + lost == made, "kept and lost do not make {made} operations");
    ensure!(!judge(&recorded.aggregate, &recorded.operations, &truth).agrees(), "the judge overlooks losses");
    Ok(())
}

/// One of the two runs of the default sweep; who wants one that another check is at waits for it.
///
/// # Errors
/// When the run does not end well.
pub fn sweep(harness: &Harness, which: usize) -> Result<PathBuf> {
    let _alone = harness.sweeps[which].lock().unwrap_or_else(PoisonError::into_inner);
    let name = ["sweep-1", "sweep-2"][which];
    let out = harness.out(name);
    if out.join("truth.json").exists() {
        return Ok(out);
    }
    record(harness, name, named::command(scenario::command(MAIN, "sweep")?))
}

/// One recorded run of a command on the counted clock.
///
/// # Errors
/// When the run does not end well, or the kernel complained.
pub fn record(harness: &Harness, name: &str, command: Command) -> Result<PathBuf> {
    record_by(harness, name, command, Clock::Counted)
}

fn record_by(harness: &Harness, name: &str, command: Command, clock: Clock) -> Result<PathBuf> {
    let job = Job::Record { command, clock, run: name.to_owned() };
    harness.passes_in_peace(harness.full()?, name, &job, clock)?;
    Ok(harness.out(name))
}

/// Medians of all series, stages included, that are large enough and take time at all.
fn medians(aggregate: &Aggregate) -> BTreeMap<SeriesKey, f64> {
    let large = aggregate.series().filter(|(_, series)| series.count() >= COMPARED_FROM);
    large.filter_map(|(key, series)| series.quantile_ns(0.5).filter(|&ns| ns > 0).map(|ns| (*key, ns as f64))).collect()
}

fn name(key: &SeriesKey) -> String {
    let pages = key.pages.map_or_else(|| "–".to_owned(), |pages| pages.to_string());
    let buffer = key.buffer.map_or("–", |buffer| buffer.name());
    format!("{} {buffer} {pages} pages {} {}", key.op.name(), key.outcome, key.stage_name())
}
