//! Scenario files in the lab: each is profiled exactly as it was, and repeats from its seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result, bail, ensure};
use grantscope_analysis::{model::Outcome, verify::Truth};
use grantscope_wire::Op;
use grantscope_workload::catalog::BUILTIN;

use super::{
    harness::Harness,
    named,
    recorded::{self, Recorded},
};
use crate::{guest::job::Job, platform::Clock};

/// Fewer iterations than the files have, where so many show nothing more: every check waits for the emulated processor.
const SHORTENED: &[(&str, &str)] = &[
    ("sweep", "--pages 1,16 --loopback 4 --iterations 8 --warmup 1"),
    ("copy", "--pages 1,16 --iterations 4 --warmup 1"),
    ("deferred", "--pages 1,16 --iterations 2"),
    ("latency-1", "--iterations 100 --warmup 5"),
    ("display-1080p-wc", "--iterations 2"),
    ("display-4k", "--iterations 1 --warmup 0"),
    ("display-copy", "--iterations 60"),
    ("camera-4buf", "--iterations 30"),
    ("resize-storm", "--iterations 20"),
    ("churn", "--iterations 8"),
    ("hoarder", "--iterations 2"),
    ("zero-copy", "--iterations 4"),
    ("zero-copy-loopback", "--iterations 4"),
];

/// A file with the verbs that those do not use, unusual orders of release, waits for an importer, and arms that threads
/// and processes have together.
const ORDERS: &str = r#"
version = 1
name = "orders"
summary = "every other verb, unusual orders of release, and waits"
imitates = "nobody"
iterations = 3
[parameters]
buffer = "wc"
few = 2
[arms]
buffer = ["pages", "wc", "coherent"]
[[workers]]
name = "both"
threads = 2
start = [{ open = "long" }, { map = "kept", pages = 3, count = 2, on = "long" }, { mmap = "kept", access = "read_only" },
  { peer_import = "theirs", pages = 1100, from = "dma_heap" }]
each = [
  { touch = "kept", pick = "random" },
  { copy = "in", pages = 20, on = "long" }, { copy = "out", pages = 20, on = "long" },
  { grant = "granted", pages = 2, count = 2 }, { ungrant = "granted", order = "reversed" },
  # A device that is closed before what is mapped and exported on it, and takes a map with it.
  { open = "short" },
  { map = "a", pages = 2, on = "short" }, { mmap = "a" },
  { map = "b", pages = 5, on = "short" },
  { export = "e", pages = 4, buffer = "$buffer", on = "short" },
  { wait = "e", limit_ms = 0, expect = "ETIMEDOUT" },
  { import = "again", of = "e", on = "short" }, { import_release = "again" },
  { close = "short" },
  { touch = "a" }, { munmap = "a" }, { attach = "e" }, { release = "e" }, { detach = "e" },
  # The grants go with the mapping.
  { map = "c", pages = 6, grants_of = "d", on = "long" }, { mmap = "c" }, { unmap = "c" }, { read = "c" }, { munmap = "c" },
  { export = "d", pages = 7, count = 2, grants = "same", buffer = "$buffer", on = "long" },
  { release = "d", order = "reversed" }, { wait = "d", limit_ms = 10 },
  { allocate = "foreign", pages = 8, from = "dma_heap" }, { import = "refs", of = "foreign", on = "long" },
  { import_release = "refs" }, { attach = "foreign" }, { detach = "foreign" }, { free = "foreign" },
  { sleep_ms = 3, at = 1 }, { hold_frames = 1, rate_hz = 250 },
  # What the peer grants and imports when it is asked; more references than one answer has room for.
  { peer_grant = "window", pages = 3, count = 2 }, { map = "w", of = "window", on = "long" }, { mmap = "w" }, { touch = "w" },
  { munmap = "w" }, { unmap = "w" }, { peer_ungrant = "window", order = "reversed" },
  { map = "t", of = "theirs", on = "long" }, { mmap = "t" }, { touch = "t" }, { munmap = "t" }, { unmap = "t" },
  { export = "offered", pages = 16, buffer = "$buffer", source = "peer_dmabuf", on = "long" }, { release = "offered" },
]
end = [{ munmap = "kept", order = "reversed" }, { unmap = "kept" }, { close = "long" }, { peer_import_release = "theirs" }]
[[workers]]
name = "apart"
processes = 2
each = [
  { map = "m", pages = { cycle = ["$few", 9] } }, { mmap = "m" }, { touch = "m" }, { munmap = "m" }, { unmap = "m" },
  { export = "shown", pages = { between = ["$few", 5] }, count = 2, buffer = "$buffer" }, { attach = "shown" },
  { release = "shown", order = "reversed" }, { wait = "shown", limit_ms = 4, expect = "ETIMEDOUT" },
  { detach = "shown" }, { wait = "shown", limit_ms = 2000 },
  # More descriptors at once than find places of their own in the probes' table: the square of 150 over twice 4,096 share one.
  { export = "held", pages = 1, count = 150, buffer = "$buffer" }, { wait = "held", limit_ms = 0, expect = "ETIMEDOUT" },
  { mark = "many are held", at = 1 },
  { release = "held" },
  { export = "last", pages = 11, count = 2, buffer = "$buffer" }, { attach = "last" }, { release = "last" },
  { wait = "last", limit_ms = 2000, detach_after_ms = 30 }, { wait = "last", limit_ms = 0, expect = "ENOENT" },
]
"#;

/// The waits of [`ORDERS`] within which vgem detaches: the only ones for buffers of so many pages, two in each of five iterations of
/// three arms in two processes; and how long each is at least.
const ENDED_BY_DETACHING: (u32, usize, u64) = (11, 2 * 5 * 3 * 2, 30_000_000);

/// The marks of [`ORDERS`]: in one of the iterations of three arms in two processes.
const MARKED: (&str, usize) = ("many are held", 3 * 2);

/// All of them one after the other, in one recording of dom1's pages.
fn all_of_them() -> String {
    let builtin = BUILTIN.iter().map(|builtin| run(builtin.name, &shortened(builtin.name), builtin.name));
    let runs: Vec<String> = builtin.chain([run("/tmp/orders.toml", "", "orders")]).collect();
    let file = format!("cat >/tmp/orders.toml <<'END'\n{ORDERS}END\n");
    format!("{file}grantscope record -o /out/all.gsr --clock counted -- sh -c '{}'\n", runs.join(" && "))
}

fn run(scenario: &str, arguments: &str, truth: &str) -> String {
    format!("grantscope-workload run --scenario {scenario} --peer 1 {arguments} --truth /out/{truth}.json")
}

fn shortened(name: &str) -> String {
    SHORTENED.iter().find(|(known, _)| *known == name).map_or_else(String::new, |(_, arguments)| (*arguments).to_owned())
}

/// Every scenario file that is part of the workload, across two domains: counts, pages, outcomes, and each call around its operations.
pub fn files_are_exact(harness: &Harness) -> Result<()> {
    let out = harness.out("scenarios");
    run_script(harness, "scenarios", &all_of_them())?;
    let recorded = Recorded::read(&out.join("all.gsr"))?;
    named::are_between(&recorded, &truth(&out, "orders")?, MARKED.0, MARKED.1)?;
    let mut truths = Vec::new();
    for name in BUILTIN.iter().map(|builtin| builtin.name).chain(["orders"]) {
        truths.push(truth(&out, name)?);
    }
    let together = Truth::of_all(truths).context("there are no scenario files")?;
    recorded.agrees_with(&together)?;
    note!("{} scenario files, and one with every other verb", BUILTIN.len());
    waits_end_with_the_detaching(&recorded, &together)
}

/// Truth and recording both have how long an importer was waited for.
fn waits_end_with_the_detaching(recorded: &Recorded, truth: &Truth) -> Result<()> {
    let (pages, count, least_ns) = ENDED_BY_DETACHING;
    let called =
        truth.calls.iter().filter(|call| call.op == "wait_released" && call.outcome == "ok" && call.pages == Some(pages));
    let called: Vec<u64> = called.map(|call| call.duration_ns).collect();
    let seen = recorded
        .operations
        .iter()
        .filter(|seen| seen.op == Op::WaitReleased && seen.outcome == Outcome::Ok && seen.pages == Some(pages));
    let seen: Vec<u64> = seen.map(|seen| seen.duration_ns).collect();
    for (who, waits) in [("the truth", &called), ("the recording", &seen)] {
        let shortest = waits.iter().min().copied().unwrap_or(0);
        ensure!(waits.len() == count, "{who} has {} waits for a buffer of {pages} pages, not {count}", waits.len());
        ensure!(shortest >= least_ns, "{who} has a wait of {shortest} ns, and vgem detached after {least_ns}");
    }
    let longest = seen.iter().max().copied().unwrap_or(0) as f64 / 1e6;
    note!("{count} waits lasted until vgem detached after {} ms, {longest:.1} ms at most", least_ns / 1_000_000);
    Ok(())
}

/// Arms, drawn numbers, a crowd that draws them, and arms of several processes, each twice from one seed and once from another. The
/// first run of all may have to look for dom1's pages several times, until dom1 is there.
const REPEATED: &str = "
again() { grantscope-workload run --peer 1 --truth /out/$1.json --iterations 6 --warmup 1 --seed $2 --scenario $3 $4 $5 || exit; }
again until-there 1 latency-1
for which in first second; do
    again apart-$which 7 churn '--set processes=1,3 --set threads=2'
    again arms-$which 7 latency-1 --set pages=1,2,3,4
    again drawn-$which 7 resize-storm
    again crowd-$which 7 churn
done
again arms-other 8 latency-1 --set pages=1,2,3,4
again drawn-other 8 resize-storm
again crowd-other 8 churn
again apart-other 8 churn '--set processes=1,3 --set threads=2'
";

/// Two runs from one seed make the same calls in the same order; from another seed they do not.
pub fn seeds_repeat(harness: &Harness) -> Result<()> {
    let out = harness.out("seeds");
    run_script(harness, "seeds", REPEATED)?;
    for what in ["arms", "drawn", "crowd", "apart"] {
        let calls = |which: &str| truth(&out, &format!("{what}-{which}")).map(|truth| sequence(&truth));
        let (first, second, other) = (calls("first")?, calls("second")?, calls("other")?);
        if let Some(place) = (0..first.len().max(second.len())).find(|&place| first.get(place) != second.get(place)) {
            bail!("{what}: call {place} is {:?}, and from the same seed {:?}", first.get(place), second.get(place));
        }
        ensure!(first != other, "{what}: another seed gives the same order, so nothing was shown");
        note!("{what}: {} calls in the same order twice, and in another one from another seed", first.len());
    }
    arms_have_turns_together(&out)
}

/// All threads of all processes are in an arm before any is in the next, in an order that the seed alone says.
fn arms_have_turns_together(out: &Path) -> Result<()> {
    let [first, second, other] = ["first", "second", "other"].map(|which| truth(out, &format!("apart-{which}")));
    let (first, second, other) = (first?, second?, other?);
    let threads = |arm: &str| {
        let of_arm = first.calls.iter().filter(|call| call.arm.as_deref() == Some(arm));
        of_arm.map(|call| call.tid).collect::<BTreeSet<_>>().len()
    };
    let crowds = (threads("processes=1"), threads("processes=3"));
    ensure!(crowds == (2, 6), "{crowds:?} threads, where one process and three have two each");
    let (first, second, other) = (turns(&first)?, turns(&second)?, turns(&other)?);
    // Seven iterations, the warm-up's among them. A turn that comes after one of the same arm cannot be distinguished from it.
    ensure!((7..=14).contains(&first.len()), "{} changes between two arms in seven iterations: {first:?}", first.len());
    ensure!(first == second, "from one seed the arms have their turns as {first:?}, and as {second:?}");
    ensure!(first != other, "another seed gives the arms' turns the same order, so nothing was shown");
    note!("apart: six threads of three processes have the turns of two arms together, in the order of the seed");
    Ok(())
}

/// The arms in the order of their turns; one that comes after itself is there once. It is an error if one's calls begin before
/// another's are over: then they had their turns at the same time.
fn turns(truth: &Truth) -> Result<Vec<&str>> {
    let mut turns: Vec<&str> = Vec::new();
    let mut over_ns = 0;
    // Devices are closed when all turns are over, and each thread does that when it comes to it.
    let calls = truth.calls.iter().filter(|call| call.op != "close");
    for (call, arm) in calls.filter_map(|call| Some((call, call.arm.as_deref()?))) {
        if turns.last() != Some(&arm) {
            ensure!(call.start_ns >= over_ns, "{arm} begins with {} while {:?} has its turn", call.series(), turns.last());
            turns.push(arm);
        }
        over_ns = over_ns.max(call.start_ns + call.duration_ns);
    }
    Ok(turns)
}

/// What was called, thread by thread, each in the order of time. The threads' own order is that of what they did: how they take
/// turns on the processor is the scheduler's business.
fn sequence(truth: &Truth) -> Vec<String> {
    let mut threads: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for call in &truth.calls {
        let described = format!("{} {}", call.series(), call.arm.as_deref().unwrap_or("-"));
        threads.entry(call.tid).or_default().push(described);
    }
    let mut threads: Vec<_> = threads.into_values().collect();
    threads.sort();
    threads.concat()
}

/// Runs a script in dom0 of the lab with our programs; it must succeed, without a word of the kernel's.
///
/// # Errors
/// When the run does not end well, or the kernel complained.
pub fn run_script(harness: &Harness, name: &str, script: &str) -> Result<()> {
    harness.passes_in_peace(harness.full()?, name, &Job::Script(script.to_owned()), Clock::Counted).map(drop)
}

/// The truth of that name that came back.
///
/// # Errors
/// When it did not come back, or cannot be read.
pub fn truth(out: &Path, name: &str) -> Result<Truth> {
    recorded::truth(&out.join(name).with_extension("json"))
}

#[cfg(test)]
mod tests {
    use grantscope_workload::script::{Given, Plan, vocabulary::STEPS};

    use super::*;

    #[test]
    fn every_verb_is_run_in_the_lab() {
        let plan = Plan::read("orders", ORDERS, &Given { peer: true, ..Given::default() });
        assert_eq!(plan.unwrap_or_else(|problems| panic!("{problems}")).arms.len(), 3);
        for verb in STEPS.iter().map(|entry| entry.name) {
            let step = format!("{{ {verb} = ");
            assert!(BUILTIN.iter().map(|builtin| builtin.text).chain([ORDERS]).any(|text| text.contains(&step)), "{verb}");
        }
    }

    #[test]
    fn every_scenario_file_has_its_number_of_iterations_here() {
        assert!(BUILTIN.iter().map(|builtin| builtin.name).eq(SHORTENED.iter().map(|(name, _)| *name)));
    }
}
