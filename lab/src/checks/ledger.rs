//! The ledger of live mappings equals what a program in C reports that it holds, on real Xen.

use std::{collections::BTreeSet, fs::File, io::BufReader, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::{
    live::{Held, LEAK_AFTER, Ledger},
    model::MapState,
    recording::{Frame, Reader},
};
use grantscope_wire::Op;
use serde_json::Value;

use super::{harness::Harness, profile, recorded::Recorded};
use crate::{
    boot::run::Outcome,
    guest::job::{Command, Job},
    platform::{self, MAIN, Platform},
};

/// What the holder of one mapping of each kind holds is listed, without a recorder; then it goes on holding under one. Words on the
/// console show the lab that the guest is alive: reading a kernel's types takes an emulated processor a while.
const KINDS: &str = r#"
/job/holder kinds >/out/kinds &
holder=$!
echo "$holder" >/out/holder
until grep -q holding /out/kinds; do kill -0 "$holder" || exit; sleep 0.1; done
timeout 60 grantscope maps >/out/maps.txt || exit
echo "next, the same as JSON" >/dev/console
timeout 60 grantscope maps --format json >/out/maps.json || exit
"#;

const STEPS: &str = r#"
echo "next, steps" >/dev/console
grantscope record -o /out/steps.gsr --clock "$clock" -- /job/holder steps 100 >/out/steps || exit
"#;

const LEAKS: &str = r#"
echo "next, leaks" >/dev/console
grantscope record -o /out/leaks.gsr --detail full --clock "$clock" -- /job/holder leaks >/out/leaks || exit
grantscope maps /out/leaks.gsr >/out/leaks.txt || exit
grantscope summary /out/leaks.gsr >/out/leaks.summary || exit
"#;

/// Where there is no census.
const REFUSED: &str = r#"
grantscope maps >/out/refused 2>&1 && exit 1
"#;

const END: &str = r#"
kill "$holder"
wait "$holder"
grantscope maps --format json >/out/after.json
"#;

/// Everything, on our own kernel.
pub fn is_what_is_held(harness: &Harness) -> Result<()> {
    let (outcome, out) = hold(harness, MAIN, &[KINDS, STEPS, LEAKS, END].concat())?;
    let kinds = kinds_are_listed(&outcome, 4096)?;
    ensure!(kinds.mappings == 7, "our kernel has mappings of seven kinds, and {} were held", kinds.mappings);
    steps_are_followed(&outcome, &out, kinds)?;
    let maps = leaks_are_suspected(&outcome, &out)?;
    ensure!(maps.contains("still holds it"), "who holds it is not named:\n{maps}");
    Ok(())
}

/// Linux 5.10 has no iterator over VMAs, so no census: what recordings see begin is followed as exactly, and of the rest they say that it
/// is not known.
pub fn on_the_oldest(harness: &Harness) -> Result<()> {
    let (outcome, out) = hold(harness, platform::named("arm64-ours-5.10")?, &[REFUSED, STEPS, LEAKS].concat())?;
    let refused = outcome.required("refused")?;
    ensure!(
        refused.contains("bpf_iter_task_vma"),
        "maps are listed only by a census, and what says why there is none is:\n{refused}"
    );
    note!("{}", refused.trim());
    for name in ["steps", "leaks"] {
        let recorded = Recorded::read(&out.join(name).with_extension("gsr"))?;
        let why = recorded.aggregate.ledger().no_census().context("a recording does not say that older maps are not in it")?;
        ensure!(why.contains("bpf_iter_task_vma"), "why older maps are not in it: {why}");
    }
    steps_are_followed(&outcome, &out, Held::default())?;
    leaks_are_suspected(&outcome, &out).map(drop)
}

/// gntdev as a module, and pages larger than a grant: listed all the same, because the kernel describes its modules' types.
pub fn of_large_pages(harness: &Harness) -> Result<()> {
    let (outcome, out) = hold(harness, platform::named("arm64-16k")?, &[KINDS, STEPS, END].concat())?;
    let kinds = kinds_are_listed(&outcome, 16_384)?;
    ensure!(kinds.mappings == 3, "without dma-bufs three kinds can be held, and {} were", kinds.mappings);
    steps_are_followed(&outcome, &out, kinds)
}

/// In a sweep the allocator gives the same addresses again and again: every map is one of its own, and none is left.
pub fn never_joins_two_maps(harness: &Harness) -> Result<()> {
    let recording = profile::sweep(harness, 0)?.join("recording.gsr");
    let recorded = Recorded::read(&recording)?;
    let made = recorded.operations.iter().filter(|operation| {
        matches!(operation.op, Op::Map | Op::Export) && operation.outcome == grantscope_analysis::model::Outcome::Ok
    });
    let generations: Vec<_> = made.map(|operation| operation.map_generation_ns).collect();
    ensure!(generations.iter().all(Option::is_some), "a map has no generation");
    let distinct: BTreeSet<_> = generations.iter().collect();
    ensure!(distinct.len() == generations.len(), "{} maps share {} times of allocation", generations.len(), distinct.len());
    let end = recorded.aggregate.ledger().held();
    ensure!(end == Some(Held::default()), "after the sweep nothing should be held: {end:?}");
    let (mut ids, mut most) = (BTreeSet::new(), 0);
    for_each_report(&recording, |ledger, report| {
        most = most.max(ledger.held().unwrap_or_default().mappings);
        report.iter().for_each(|id| assert!(ids.insert(*id), "number {id} was given twice"));
    })?;
    note!("{} maps one after the other, none joined; at most {most} were seen at once, and none is left", distinct.len());
    Ok(())
}

/// Runs a script in dom0 beside the program that holds mappings.
fn hold(harness: &Harness, platform: &'static Platform, script: &str) -> Result<(Outcome, std::path::PathBuf)> {
    let name = format!("holder-{}", platform.name);
    let (out, program) = (harness.out(&name), harness.program_in_c("holder", platform.architecture)?);
    let clock = platform.clock(None)?;
    let script = format!("clock={}\n{script}", clock.name());
    let job = Job::Bare(Command { files: vec![("holder".into(), program)], ..Command::inside("/bin/sh", &["-c", &script]) });
    let outcome = harness.passes_in_peace(&harness.lab(platform)?, &name, &job, clock)?;
    Ok((outcome, out))
}

/// `grantscope maps` lists exactly what the holder said; how much that is.
fn kinds_are_listed(outcome: &Outcome, page_size: u64) -> Result<Held> {
    let said = outcome.required("kinds")?;
    let holder: u64 = outcome.required("holder")?.trim().parse()?;
    let report: Value = serde_json::from_str(&outcome.required("maps.json")?)?;
    ensure!(report["direct_mapped"] == true, "dom0 on Arm is direct-mapped: {}", report["direct_mapped"]);
    let mut left = report["maps"].as_array().context("no list of maps")?.clone();
    let mut sum = Held::default();
    for line in said.lines().filter(|line| *line != "holding") {
        let map = is_one_of(&mut left, line)?;
        let pages = map["pages"].as_u64().context("no pages")?;
        sum = Held { mappings: sum.mappings + 1, pages: sum.pages + pages };
        ensure!(
            map["owner"]["pid"] == holder && map["owner"]["comm"] == "holder",
            "the owner should be holder [{holder}]: {map}"
        );
        ensure!(map["domid"] == 0 && map["before_the_tool"] == true && map["age_ns"].is_null(), "{map}");
        ensure!(map["granted_bytes"] == pages * 4096 && map["spanned_bytes"] == pages * page_size, "{map}");
        ensure!(map["leak_suspect"].is_null(), "the holder lives: {map}");
    }
    ensure!(left.is_empty(), "nobody holds these: {left:?}");
    println!("{}", outcome.required("maps.txt")?);
    let after: Value = serde_json::from_str(&outcome.required("after.json")?)?;
    ensure!(after["mappings"] == 0 && after["maps"] == serde_json::json!([]), "the holder is gone, and still listed is {after}");
    Ok(sum)
}

/// Takes the mapping that the holder says this line of out of the list.
fn is_one_of(listed: &mut Vec<Value>, line: &str) -> Result<Value> {
    let [what, buffer, pages, pfn_runs, bfn_runs, split, same] = line.split(' ').collect::<Vec<_>>()[..] else {
        anyhow::bail!("the holder said {line:?}")
    };
    let (state, closed) = what.split_once("-and-").unwrap_or((what, ""));
    let is_it = |map: &Value| {
        map["pages"] == pages.parse::<u64>().unwrap_or_default()
            && map["buffer"] == buffer
            && map["state"] == state
            && map["descriptor_open"] == (closed != "closed")
    };
    let place = listed.iter().position(is_it).with_context(|| format!("held was {line:?}, and listed are {listed:?}"))?;
    let map = listed.swap_remove(place);
    let said = [("pfn_runs", pfn_runs), ("bfn_runs", bfn_runs), ("split_runs", split), ("same_pages", same)];
    for (name, said) in said {
        let found = &map[name];
        let is_so = match said {
            "-" => found.is_null(),
            "?" => found.is_u64(),
            number => number.parse::<u64>().is_ok_and(|number| *found == number),
        };
        ensure!(is_so, "{name} should be {said}: {map}");
    }
    let [pfn_runs, bfn_runs, split_runs] = ["pfn_runs", "bfn_runs", "split_runs"].map(|name| &map[name]);
    note!("{what} {buffer}, {pages} pages: in Linux {pfn_runs} runs, in the machine {bfn_runs}, split {split_runs}");
    Ok(map)
}

/// Calls back after each report of a recording, with the numbers of the mappings that are new in it.
fn for_each_report(path: &Path, mut each: impl FnMut(&Ledger, &[u64])) -> Result<()> {
    let mut reader = Reader::open(BufReader::new(File::open(path)?))?;
    let (mut ledger, mut known) = (Ledger::default(), BTreeSet::new());
    while let Some(frame) = reader.next_frame()? {
        if let Frame::Maps(report) = frame {
            ledger.add(&report);
            let new: Vec<_> = report.changed.iter().map(|map| map.id).filter(|id| known.insert(*id)).collect();
            each(&ledger, &new);
        }
    }
    Ok(())
}

/// At every moment that the holder reported, the gauges are what it held, and what was held before the recorder came.
fn steps_are_followed(outcome: &Outcome, out: &Path, before: Held) -> Result<()> {
    let said = outcome.required("steps")?;
    let (runs, said) = said.split_once('\n').context("the holder said nothing")?;
    let runs: Vec<u32> = runs.split(' ').skip(1).map(str::parse).collect::<Result<_, _>>()?;
    let mut gauges = Vec::new();
    let (mut aged, mut older, mut right, mut wrong) = (0, 0, 0, Vec::new());
    for_each_report(&out.join("steps.gsr"), |ledger, _| {
        for map in ledger.maps().into_iter().filter(|map| map.allocated_ns.is_some() && map.state == MapState::Mapped) {
            match map.frames {
                Some(frames) if runs.get(map.pages as usize - 1) == Some(&frames.bfn_runs) => right += 1,
                _ => wrong.push(map.clone()),
            }
        }
        gauges.push((ledger.at_ns().unwrap_or_default(), ledger.held().unwrap_or_default()));
        aged = aged.max(ledger.maps().iter().filter(|map| map.allocated_ns.is_some()).count());
        older = ledger.maps().iter().filter(|map| map.allocated_ns.is_none()).count();
    })?;
    ensure!(
        wrong.is_empty() && right >= 100,
        "runs in the machine are {runs:?} of one page to four; {right} are right, and {wrong:?}"
    );
    for line in said.lines() {
        let numbers: Vec<u64> = line.split(' ').skip(1).map(str::parse).collect::<Result<_, _>>()?;
        let [mappings, pages, at_ns] = numbers[..] else { anyhow::bail!("the holder said {line:?}") };
        let expected = Held { mappings: mappings + before.mappings, pages: pages + before.pages };
        let gauge = gauges.iter().rev().find(|(at, _)| *at <= at_ns).map(|(_, held)| *held);
        ensure!(gauge == Some(expected), "held was {expected:?}, and the gauge said {gauge:?}: {gauges:?}");
        note!("held {mappings} mappings of {pages} pages, and {} from before: the gauges say so", before.mappings);
    }
    ensure!(said.lines().count() == 4, "the holder said:\n{said}");
    ensure!(older as u64 == before.mappings, "{older} of the mappings at the end are from before the tool");
    ensure!(aged == 100, "of the holder's 100 mappings at most {aged} were seen, with their age");
    Ok(())
}

/// Both leaks are suspected while they last, with the reason; and not before their time. Gives what `grantscope maps` says of them.
fn leaks_are_suspected(outcome: &Outcome, out: &Path) -> Result<String> {
    let (mut torn, mut orphaned, mut early) = (None, None, false);
    for_each_report(&out.join("leaks.gsr"), |ledger, _| {
        // One second before the next look, the state is still that of this one.
        let at_ns = ledger.at_ns().unwrap_or_default();
        early |= !ledger.suspects(at_ns, Duration::from_secs(3_600)).is_empty();
        for (map, why) in ledger.suspects(at_ns + 4_000_000_000, LEAK_AFTER) {
            match map.state {
                MapState::TearingDown { by, .. } if map.pages == 2 => torn = Some((by, why.to_string())),
                MapState::Exported if map.pages == 3 => orphaned = Some((map.owner, map.allocator, why.to_string())),
                _ => {}
            }
        }
    })?;
    let (by, why) = torn.context("the page in the pipe kept its map alive, and no process was suspected")?;
    ensure!(by == Op::Close.id(), "the close of the device asked for it, not {by}");
    note!("{why}");
    let (owner, allocator, why) = orphaned.context("the dma-buf outlived its owner, and no process was suspected")?;
    let recorded = Recorded::read(&out.join("leaks.gsr"))?;
    let export = recorded.operations.iter().find(|operation| operation.op == Op::Export).context("the dma-buf was exported")?;
    ensure!(allocator.is_some() && allocator == export.allocator(), "its memory is from {allocator:?}: {export:?}");
    let said = outcome.required("leaks")?;
    let killed = said.lines().find_map(|line| line.strip_prefix("owner-killed wc 3 ")).context("no owner was killed")?;
    ensure!(owner.map(|owner| owner.to_string()).as_deref() == Some(killed.trim()), "the owner was {killed}, not {owner:?}");
    note!("{why}");
    ensure!(!early, "a leak was suspected long before its time");
    let (maps, summary) = (outcome.required("leaks.txt")?, outcome.required("leaks.summary")?);
    for report in [&maps, &summary] {
        ensure!(
            report.contains("LEAK SUSPECT") && report.contains("holder"),
            "the dma-buf without an owner is not named:\n{report}"
        );
    }
    println!("{maps}");
    Ok(maps)
}
