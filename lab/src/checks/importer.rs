//! An importer with a device: what it does is profiled exactly, and it is where swiotlb-xen maps for it.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use grantscope_analysis::model::Outcome;
use grantscope_wire::{Cause, Detail, Op};
use serde_json::Value;

use super::{
    harness::Harness,
    hooks_document, importer_table, platforms_document,
    recorded::Recorded,
    traced::{Line, Load, Traced},
};
use crate::{boot::run, platform};

/// The load, under the kernel's own count of what swiotlb bounced; and one that is killed while it is attached, which has to leave nothing.
const fn load(detail: Detail) -> Load {
    Load { event: ["swiotlb", "swiotlb_bounced"], scenario: include_str!("importer.toml"), detail, afterwards: KILLED }
}
const KILLED: &str = r#"
entries=/sys/module/grantscope_importer/parameters/entries
used=/sys/kernel/debug/swiotlb/io_tlb_used
cat $entries >/out/entries
for count in copies stale; do cat ${entries%entries}$count >/out/$count; done
cat $used >/out/used-after
cat >/tmp/killed.toml <<'END'
version = 1
name = "killed"
summary = "killed while an importer is attached"
imitates = "Nobody."
iterations = 1
[[workers]]
name = "killed"
each = [
  { export = "frame", pages = 16, buffer = "wc" }, { attach = "frame", to = "device" },
  { export = "plain", pages = 7, buffer = "pages" }, { attach = "plain", to = "device" },
  { sleep_ms = 600000 },
  { detach = "plain" }, { release = "plain" }, { detach = "frame" }, { release = "frame" },
]
END
grantscope-workload run --peer 1 --scenario /tmp/killed.toml --truth /tmp/killed.json >/dev/null 2>&1 &
tries=300
until [ "$(cat $entries)" -gt $(($(cat /out/entries) + 1)) ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || exit
    sleep 0.1
done
cat $used >/out/used-attached
grantscope maps --format json >/out/attached.json || exit
kill -9 $!
wait $!
cat $used >/out/used-killed
rmmod grantscope_importer || exit
"#;

/// The largest entry that swiotlb copies, in pages of 4 KiB (`IO_TLB_SEGSIZE` in include/linux/swiotlb.h, Linux v6.12).
const LARGEST_PAGES: u32 = 64;
/// `1 << IO_TLB_SHIFT`, there too.
const SLOT_BYTES: u64 = 2048;

/// The platform with the device: it maps and refuses as swiotlb-xen does, and all of it is recorded.
pub fn is_profiled_exactly(harness: &Harness) -> Result<()> {
    let platform = platform::named("arm64-device")?;
    platforms_document::begins(platform.name);
    // Of what was mapped, the usual detail says the same.
    let usual = Traced::run(harness, "arm64-device-usual-detail", platform, &load(Detail::default()))?;
    refusals_have_their_cause(&usual.recorded)?;
    bounces_are_those_of_the_kernel(&usual)?;
    let traced = Traced::run(harness, platform.name, platform, &load(Detail::Full))?;
    let recorded = &traced.recorded;
    hooks_document::has_column(platform.name, &recorded.environment()?.hooks)?;
    refusals_have_their_cause(recorded)?;
    bounces_are_those_of_the_kernel(&traced)?;
    nothing_is_left(&traced.outcome)?;
    split_runs_are_what_is_copied(&traced.outcome)?;
    importer_table::is_written(recorded)?;
    platforms_document::is_exact(platform.name, recorded)
}

/// What is larger than swiotlb copies at once; and what is not, if its buffer is full.
fn refusals_have_their_cause(recorded: &Recorded) -> Result<()> {
    let (mut mapped, mut too_large, mut full) = (0, 0, 0);
    for map in recorded.operations.iter().filter(|operation| operation.op == Op::AttachmentMap) {
        let is_large = map.pages.with_context(|| format!("its pages are not known: {map:?}"))? > LARGEST_PAGES;
        let counted = match (map.outcome == Outcome::Ok, map.cause()) {
            (true, None) if !is_large => &mut mapped,
            (false, Some(Cause::BounceTooLarge)) if is_large => &mut too_large,
            (false, Some(Cause::BounceBufferFull)) if !is_large => &mut full,
            _ => bail!("neither mapped for a device, nor refused for what swiotlb cannot do: {map:?}"),
        };
        *counted += 1;
    }
    ensure!(mapped > 0 && too_large > 0 && full > 0, "{mapped} were mapped, {too_large} too large, {full} found the buffer full");
    note!("{mapped} maps; refused were {too_large} as too large, and {full} because swiotlb's buffer was full");
    Ok(())
}

/// The tracepoint is swiotlb-xen's: a device without its operations never passes it. Of every operation as many entries and bytes were bounced
/// as the kernel's own trace has, and as many entries mapped as the module counted.
fn bounces_are_those_of_the_kernel(traced: &Traced) -> Result<()> {
    let mut bounces = traced.lines()?;
    let all = sums_of(&bounces)?;
    let sizes: BTreeSet<_> = bounces.iter().map(bytes_of).collect::<Result<_>>()?;
    let largest = u64::from(LARGEST_PAGES) * 4096;
    ensure!(sizes.contains(&largest), "nothing as large as that was bounced: {sizes:?}");
    ensure!(sizes.iter().any(|bytes| *bytes > largest), "what was refused did not come to swiotlb: {sizes:?}");
    let (mut of_success, mut copied, mut sums) = (0, 0, (0, 0));
    for operation in traced.recorded.operations.iter().filter(|operation| operation.op == Op::AttachmentMap) {
        let mapped = operation.dma().with_context(|| format!("nothing is known of what was mapped: {operation:?}"))?;
        let seen = mapped.bounces.zip(mapped.bounced_bytes).context("bounces are not known")?;
        let kernel = sums_of(&bounces.extract_if(.., |line| line.is_within(operation)).collect::<Vec<_>>())?;
        ensure!(seen == kernel, "{seen:?} recorded, {kernel:?} in the kernel's trace: {operation:?}");
        sums = (sums.0 + kernel.0, sums.1 + kernel.1);
        if operation.outcome == Outcome::Ok {
            of_success += mapped.entries.context("entries are not known")?;
            copied += kernel.0;
        }
    }
    ensure!(bounces.is_empty(), "bounces that no operation has: {bounces:?}");
    ensure!(sums.0 > 0 && sums == all, "{sums:?} in all operations, {all:?} in the trace");
    let [entries, copies, stale] = ["entries", "copies", "stale"].map(|name| number(&traced.outcome, name));
    let (entries, copies, stale) = (entries?, copies?, stale?);
    ensure!(entries > 0, "the module mapped nothing");
    ensure!(of_success == entries, "{of_success} entries recorded, {entries} counted by the module");
    note!("{} bounces of {} bytes, each in its operation as in the kernel's trace; {entries} entries mapped", sums.0, sums.1);
    ensure!(copied == copies, "{copied} entries bounced and mapped, and of {copies} the device is shown a copy");
    // As docs/importers.md says. Were it otherwise, a bounce would cost time alone.
    ensure!(stale == copies, "{stale} of {copies} copies did not follow what was written to the buffer");
    note!("of {copies} entries the device is shown a copy; {stale} did not follow when the buffer was written to");
    Ok(())
}

/// What a file has of the kernel's or the module's counts.
fn number(outcome: &run::Outcome, name: &str) -> Result<u64> {
    outcome.required(name)?.trim().parse().with_context(|| format!("{name} should be a number"))
}

/// How many were bounced, or were to be, and their bytes.
fn sums_of(bounces: &[Line<'_>]) -> Result<(u64, u64)> {
    Ok((bounces.len() as u64, bounces.iter().map(bytes_of).sum::<Result<u64>>()?))
}

fn bytes_of(bounce: &Line<'_>) -> Result<u64> {
    let size = bounce.field("size").and_then(|size| size.parse().ok());
    size.with_context(|| format!("the kernel's trace has no size in {bounce:?}"))
}

/// After a run, and after one that was killed.
fn nothing_is_left(outcome: &run::Outcome) -> Result<()> {
    let [after, attached, killed] = ["used-after", "used-attached", "used-killed"].map(|name| number(outcome, name));
    let (after, attached, killed) = (after?, attached?, killed?);
    note!("slots of swiotlb in use after the run: {after}; while attached: {attached}; after that was killed: {killed}");
    ensure!(after == 0 && attached > 0 && killed == 0, "slots of swiotlb stay in use");
    Ok(())
}

/// Of two buffers that are attached, the ledger says which runs are split: those, and no others, have room in swiotlb's buffer.
fn split_runs_are_what_is_copied(outcome: &run::Outcome) -> Result<()> {
    let ledger: Value = serde_json::from_str(&outcome.required("attached.json")?)?;
    let maps = ledger["maps"].as_array().context("no list of maps")?;
    ensure!(maps.len() == 2, "two buffers are attached: {maps:?}");
    let mut slots = 0;
    for map in maps {
        let number = |field: &str| map[field].as_u64().with_context(|| format!("{field} is not known: {map}"));
        let (runs, split, longest) = (number("pfn_runs")?, number("split_runs")?, number("longest_split_pages")?);
        ensure!(split <= 1, "the longest of several says nothing of the others: {map}");
        note!("{} of {} pages: {runs} runs, {split} of them split", map["buffer"], map["pages"]);
        slots += split * longest * 4096 / SLOT_BYTES;
    }
    let used = number(outcome, "used-attached")?;
    ensure!(slots == used, "the ledger's split runs need {slots} slots, and {used} are in use");
    Ok(())
}
