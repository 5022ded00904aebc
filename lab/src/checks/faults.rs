//! Failures: errno, cause and Xen's grant statuses of every harmless failure, compared with what was done.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use grantscope_analysis::verify::Truth;
use grantscope_wire::Cause;

use super::{
    harness::Harness,
    hooks_document, platforms_document,
    recorded::{Recorded, truth},
};
use crate::{
    guest::job::Job,
    lab::Lab,
    platform::{self, Clock},
};

/// Runs a scenario in each attach mode: what a kretprobe does not know must not be missing. Once the good references are of
/// whom the platform has, once of this domain.
const BY_BOTH: &str = "
by() {
    mode=$1
    shift
    grantscope record -o /out/$mode.gsr --clock counted --attach $mode -- \
        grantscope-workload run --scenario $scenario $* --pages 32 --truth /out/$mode.json
}
by best $source && by kprobe --self
";

/// Causes that this lab cannot bring about, each with the reason.
const NOT_HERE: &[(Cause, &str)] = &[
    (Cause::HypercallFailed, "Xen refuses no such hypercall as a whole"),
    (Cause::PvRefusesDmabuf, "no domain on arm64 is PV; the platform x86-pv-ours shows it"),
    (Cause::DeviceMapRefused, "no domain on arm64 asks for a mapping for devices; the platform x86-pvh shows it"),
    (Cause::BounceTooLarge, "no importer here has a device; the platform arm64-device shows it"),
    (Cause::BounceBufferFull, "no importer here has a device; the platform arm64-device shows it"),
    (Cause::NoDmabufSupport, "the kernel of this platform knows dma-bufs; the platforms of Debian's kernels show it"),
    (Cause::DmaAllocFailed, "this kernel frees the half-built map as one of ordinary pages"),
    (Cause::PageAllocFailed, "the balloon still has pages from before, and allocates none"),
    (Cause::VmaInsertFailed, "the page table is there already, or mmap(2) itself fails"),
    (Cause::NotPageAligned, "no exporter here hands out such a buffer"),
    (Cause::GrantTableFull, "the grant table is too large to be filled; the platform arm64-tight shows it"),
];

/// A cause that recordings of a platform do not have.
struct Missing {
    op: &'static str,
    outcome: &'static str,
    cause: Cause,
    /// Why it cannot be told from another one.
    reason: &'static str,
}

/// What is missing on Linux 5.10.
const NOT_ON_5_10: &[Missing] = &[Missing {
    op: "grant",
    outcome: "ENOSPC",
    cause: Cause::OverLimit,
    reason: "the compiler has put `gnttab_expand` into its caller, so that a full grant table looks the same",
}];

/// Runs them all, and compares exactly.
pub fn are_explained(harness: &Harness) -> Result<()> {
    let recordings = explained(harness, harness.full()?, "faults", "faults", "--peer 1", &[])?;
    recordings.iter().try_for_each(causes_are_all_there)
}

/// The same on the oldest kernel.
pub fn are_explained_on_the_oldest(harness: &Harness) -> Result<()> {
    let lab = harness.lab(platform::named("arm64-ours-5.10")?)?;
    let recordings = explained(harness, &lab, "faults-5.10", "faults", "--self", NOT_ON_5_10)?;
    recordings.iter().try_for_each(causes_are_all_there)
}

/// `GNTST_no_space` (xen/include/public/grant_table.h, 4.17).
const NO_SPACE: i16 = -13;

/// Xen's tables run full, and every call that needs more of them says which.
pub fn full_tables_are_distinguished(harness: &Harness) -> Result<()> {
    let platform = platform::named("arm64-tight")?;
    platforms_document::begins(platform.name);
    let recordings = explained(harness, &harness.lab(platform)?, "exhaustion", "exhaustion", "--self", &[])?;
    hooks_document::has_column(platform.name, &recordings[0].environment()?.hooks)?;
    for recorded in &recordings {
        let refused =
            recorded.operations.iter().flat_map(|operation| operation.statuses()).filter(|(status, _)| *status == NO_SPACE);
        let full = recorded.operations.iter().filter(|operation| operation.cause() == Some(Cause::GrantTableFull));
        let (refused, full) = (refused.map(|(_, count)| count).sum::<u32>(), full.count());
        note!("{refused} references refused for want of room in Xen's maptrack; {full} calls found the grant table full");
        ensure!(refused > 0 && full > 0, "a table was not filled");
    }
    platforms_document::is_exact(platform.name, &recordings[0])
}

/// What both modes recorded of a scenario, which agrees with what was done but for causes that are `missing`. The run has a name of its own.
fn explained(
    harness: &Harness,
    lab: &Lab,
    name: &str,
    scenario: &str,
    source: &str,
    missing: &[Missing],
) -> Result<[Recorded; 2]> {
    let out = harness.out(name);
    let job = Job::Script(format!("scenario={scenario}\nsource='{source}'\n{BY_BOTH}"));
    harness.passes_in_peace(lab, name, &job, Clock::Counted)?;
    let [best, kprobe] = ["best", "kprobe"].map(|mode| -> Result<_> {
        let file = out.join(mode);
        let mut truth = truth(&file.with_extension("json"))?;
        missing.iter().try_for_each(|missing| missing.take_from(&mut truth))?;
        ensure!(truth.skipped.is_empty(), "left out what the lab's kernel should be able to do: {:?}", truth.skipped);
        let recorded = Recorded::read(&file.with_extension("gsr"))?;
        recorded.agrees_with(&truth).with_context(|| format!("attached by {mode}"))?;
        Ok(recorded)
    });
    Ok([best?, kprobe?])
}

impl Missing {
    /// Takes it from what is expected to be recorded, of which it has to be a part.
    fn take_from(&self, truth: &mut Truth) -> Result<()> {
        let (op, outcome, cause) = (self.op, self.outcome, self.cause.name());
        let whys = truth.calls.iter_mut().filter(|call| call.op == op && call.outcome == outcome);
        let causes = whys.filter_map(|call| call.why.as_mut()).map(|why| &mut why.0).filter(|why| *why == cause);
        let count = causes.map(String::clear).count();
        ensure!(count > 0, "no {op} failed by {outcome} for {cause}, which is said to be missing");
        note!("{count} calls of {op} that failed by {outcome} have no cause {cause}: {}", self.reason);
        Ok(())
    }
}

/// Every cause is either seen, or known to be out of reach.
fn causes_are_all_there(recorded: &Recorded) -> Result<()> {
    let seen: BTreeSet<Cause> = recorded.operations.iter().filter_map(|operation| operation.cause()).collect();
    let missing: BTreeSet<Cause> = Cause::ALL.iter().copied().filter(|cause| !seen.contains(cause)).collect();
    let expected: BTreeSet<Cause> = NOT_HERE.iter().map(|&(cause, _)| cause).collect();
    ensure!(missing == expected, "causes that were not seen: {missing:?}, expected were {expected:?}");
    note!("{} of {} causes triggered, each as exactly as its errno", seen.len(), Cause::ALL.len());
    Ok(())
}
