//! An importer with a device: what it does is profiled exactly, and it is where swiotlb-xen maps for it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::model::Outcome;
use grantscope_wire::Op;

use super::{
    harness::Harness,
    hooks_document, platforms_document,
    recorded::{Recorded, truth},
};
use crate::{
    boot::run,
    guest::job::{Command, Job},
    platform,
};

/// The load, under the kernel's own count of what swiotlb bounced; and one that is killed while it is attached, which has to leave nothing.
const JOB: &str = r#"
tracing=/sys/kernel/tracing
event=$tracing/events/swiotlb/swiotlb_bounced
entries=/sys/module/grantscope_importer/parameters/entries
used=/sys/kernel/debug/swiotlb/io_tlb_used
echo 8192 >$tracing/buffer_size_kb && echo 1 >$event/enable || exit
grantscope record -o /out/importer.gsr --clock counted -- \
    grantscope-workload run --peer 1 --scenario /job/importer.toml --truth /out/importer.json >/out/importer.said 2>&1 || exit
echo 0 >$event/enable
grep swiotlb_bounced $tracing/trace >/out/bounced
grep -h overrun $tracing/per_cpu/cpu*/stats >/out/overrun
cat $entries >/out/entries
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
  { export = "frame", pages = 16, buffer = "wc" }, { attach = "frame", to = "device" }, { sleep_ms = 600000 },
  { detach = "frame" }, { release = "frame" },
]
END
grantscope-workload run --peer 1 --scenario /tmp/killed.toml --truth /tmp/killed.json >/dev/null 2>&1 &
tries=300
until [ "$(cat $used)" -gt 0 ]; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || exit
    sleep 0.1
done
cat $used >/out/used-attached
kill -9 $!
wait $!
cat $used >/out/used-killed
rmmod grantscope_importer || exit
"#;

/// A slot of swiotlb, in pages of 4 KiB (`IO_TLB_SEGSIZE` in include/linux/swiotlb.h, Linux v6.12).
const SLOT_PAGES: u32 = 64;

/// The platform with the device: it maps and refuses as swiotlb-xen does, and all of it is recorded.
pub fn is_profiled_exactly(harness: &Harness) -> Result<()> {
    let platform = platform::named("arm64-device")?;
    platforms_document::begins(platform.name);
    let out = harness.out(platform.name);
    let scenario = out.with_extension("toml");
    fs::write(&scenario, include_str!("importer.toml")).with_context(|| format!("cannot write {scenario:?}"))?;
    let files = vec![("importer.toml".to_owned(), scenario)];
    let job = Job::Bare(Command { files, ..Command::inside("/bin/sh", &["-c", JOB]) });
    let outcome = harness.passes(&harness.lab(platform)?, platform.name, &job, platform.clock(None)?)?;
    let recorded = Recorded::read(&out.join("importer.gsr"))?;
    hooks_document::has_column(platform.name, &recorded.environment()?.hooks)?;
    recorded.agrees_with(&truth(&out.join("importer.json"))?)?;
    the_large_alone_is_refused(&recorded)?;
    it_is_swiotlb_that_maps(&outcome, &out)?;
    nothing_is_left(&outcome)?;
    platforms_document::is_exact(platform.name, &recorded)
}

fn the_large_alone_is_refused(recorded: &Recorded) -> Result<()> {
    let maps = || recorded.operations.iter().filter(|operation| operation.op == Op::AttachmentMap);
    let (refused, mapped) = (maps().filter(|map| map.outcome != Outcome::Ok), maps().filter(|map| map.outcome == Outcome::Ok));
    let (refused, mapped): (Vec<_>, Vec<_>) = (refused.collect(), mapped.collect());
    ensure!(!refused.is_empty() && !mapped.is_empty(), "{} were refused, {} mapped", refused.len(), mapped.len());
    let wrong = refused.iter().find(|map| map.pages.is_none_or(|pages| pages <= SLOT_PAGES));
    ensure!(wrong.is_none(), "refused, although it fits a slot: {wrong:?}");
    let wrong = mapped.iter().find(|map| map.pages.is_none_or(|pages| pages > SLOT_PAGES));
    ensure!(wrong.is_none(), "mapped, although no slot has room for it: {wrong:?}");
    note!("{} maps, and {} that were refused", mapped.len(), refused.len());
    Ok(())
}

/// The tracepoint is swiotlb-xen's: a device without its operations never passes it.
fn it_is_swiotlb_that_maps(outcome: &run::Outcome, out: &Path) -> Result<()> {
    let [bounced, entries, overrun] = ["bounced", "entries", "overrun"].map(|name| outcome.required(name));
    let (bounced, entries, overrun) = (bounced?, entries?, overrun?);
    ensure!(overrun.lines().all(|line| line.ends_with("overrun: 0")), "the kernel's trace was too small: {overrun}");
    let sizes = bounces_by_size(&bounced)?;
    note!("bounces by bytes: {sizes:?}; {} entries of scatter lists were mapped", entries.trim());
    let slot_bytes = u64::from(SLOT_PAGES) * 4096;
    ensure!(sizes.contains_key(&slot_bytes), "no whole slot was bounced: look at {:?}", out.join("bounced"));
    ensure!(sizes.keys().any(|bytes| *bytes > slot_bytes), "what was refused did not come to swiotlb: {sizes:?}");
    let entries: u64 = entries.trim().parse().context("the module's count is a number")?;
    ensure!(entries > 0, "the module mapped nothing");
    Ok(())
}

/// How often buffers of each size were bounced, or were to be: lines `… swiotlb_bounced: dev_name: … size=16384 NORMAL`.
fn bounces_by_size(trace: &str) -> Result<BTreeMap<u64, u64>> {
    let mut sizes = BTreeMap::new();
    for line in trace.lines() {
        let size = line.split_once(" size=").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
        *sizes.entry(size.with_context(|| format!("the kernel's trace has no size in {line:?}"))?).or_default() += 1;
    }
    Ok(sizes)
}

/// After a run, and after one that was killed.
fn nothing_is_left(outcome: &run::Outcome) -> Result<()> {
    let number = |name| -> Result<u64> { outcome.required(name)?.trim().parse().context("slots are a number") };
    let [after, attached, killed] = ["used-after", "used-attached", "used-killed"].map(number);
    let (after, attached, killed) = (after?, attached?, killed?);
    note!("slots of swiotlb in use after the run: {after}; while attached: {attached}; after that was killed: {killed}");
    ensure!(after == 0 && attached > 0 && killed == 0, "slots of swiotlb stay in use");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_trace_is_read() {
        let line = |size: &str| {
            format!("  a-67 [000] ..... 1.5: swiotlb_bounced: dev_name: importer dma_mask=ff dev_addr=7f000{size} NORMAL\n")
        };
        let trace = [line(" size=8192"), line(" size=266240"), line(" size=8192")].concat();
        assert_eq!(bounces_by_size(&trace).unwrap(), BTreeMap::from([(8192, 2), (266_240, 1)]));
        assert!(bounces_by_size(&line("")).is_err());
    }
}
