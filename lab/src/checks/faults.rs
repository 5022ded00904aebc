//! Why something failed: errno, cause and Xen's grant statuses of every failure that does no harm, against what was done.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use grantscope_analysis::verify::Truth;
use grantscope_wire::Cause;

use super::{Bench, PATIENCE, hooks_document, profile::Recorded};
use crate::{bench::BenchSpec, boot::console_watch::End, clock::Clock, guest::job::Job, lab::Lab};

/// Runs a scenario by each means of attaching: what a kretprobe does not know must not be missing. Once the good references are of
/// whom the bench has, once of this domain.
const BY_BOTH: &str = "
by() {
    means=$1
    shift
    grantscope record -o /out/$means.gsr --clock counted --attach $means -- \
        grantscope-workload run --scenario $scenario $* --pages 32 --truth /out/$means.json
}
by best $source && by kprobe --self
";

/// Causes that this lab cannot bring about, each with the reason.
const NOT_HERE: &[(Cause, &str)] = &[
    (Cause::HypercallFailed, "Xen refuses no such hypercall as a whole"),
    (Cause::PvRefusesDmabuf, "no bench has a PV domain whose kernel knows dma-bufs"),
    (Cause::NoDmabufSupport, "the kernel of this bench knows dma-bufs; the benches of Debian's kernels show it"),
    (Cause::DmaAllocFailed, "this kernel frees the half-built map as one of ordinary pages"),
    (Cause::PageAllocFailed, "the balloon still has pages from before, and allocates none"),
    (Cause::VmaInsertFailed, "the page table is there already, or mmap(2) itself fails"),
    (Cause::NotPageAligned, "no exporter here hands out such a buffer"),
    (Cause::GrantTableFull, "the grant table is too large to be filled; the bench arm64-tight shows it"),
];

/// Runs them all, and compares exactly.
pub fn are_explained(bench: &Bench) -> Result<()> {
    explained(bench, bench.full()?, "faults", "--peer 1")?.iter().try_for_each(causes_are_all_there)
}

/// `GNTST_no_space` (xen/include/public/grant_table.h, 4.17).
const NO_SPACE: i16 = -13;

/// Xen's tables run full, and every call that needs more of them says which.
pub fn full_tables_are_told(bench: &Bench) -> Result<()> {
    let spec = BenchSpec::named("arm64-tight").context("there is no bench arm64-tight")?;
    let recordings = explained(bench, &bench.lab(spec)?, "exhaustion", "--self")?;
    let environment = recordings[0].aggregate.environment().context("the recording has no environment")?;
    hooks_document::tells_of(spec.name, &environment.hooks)?;
    for recorded in &recordings {
        let refused =
            recorded.operations.iter().flat_map(|operation| operation.statuses()).filter(|(status, _)| *status == NO_SPACE);
        let full = recorded.operations.iter().filter(|operation| operation.cause() == Some(Cause::GrantTableFull));
        let (refused, full) = (refused.map(|(_, count)| count).sum::<u32>(), full.count());
        tell!("{refused} references refused for want of room in Xen's maptrack; {full} calls found the grant table full");
        ensure!(refused > 0 && full > 0, "a table was not filled");
    }
    Ok(())
}

/// What both means recorded of a scenario, which agrees with what was done.
fn explained(bench: &Bench, lab: &Lab, scenario: &str, source: &str) -> Result<[Recorded; 2]> {
    let out = bench.out(scenario);
    let job = Job::Script(format!("scenario={scenario}\nsource='{source}'\n{BY_BOTH}"));
    let outcome = lab.run(&job, Clock::Counted, PATIENCE, &out, &mut ())?;
    ensure!(outcome.end == End::Pass, bench.unexpected(scenario, &outcome));
    ensure!(outcome.warnings.is_empty(), "the kernel complained: {:?}", outcome.warnings);
    let [best, kprobe] = ["best", "kprobe"].map(|means| -> Result<_> {
        let file = out.join(means);
        let truth = Truth::parse(&fs::read_to_string(file.with_extension("json"))?)?;
        ensure!(truth.skipped.is_empty(), "left out what the lab's kernel should be able to do: {:?}", truth.skipped);
        let recorded = Recorded::read(&file.with_extension("gsr"))?;
        recorded.agrees_with(&truth).with_context(|| format!("attached by {means}"))?;
        Ok(recorded)
    });
    Ok([best?, kprobe?])
}

/// Every cause is either seen, or known to be out of reach.
fn causes_are_all_there(recorded: &Recorded) -> Result<()> {
    let seen: BTreeSet<Cause> = recorded.operations.iter().filter_map(|operation| operation.cause()).collect();
    let missing: BTreeSet<Cause> = Cause::ALL.iter().copied().filter(|cause| !seen.contains(cause)).collect();
    let expected: BTreeSet<Cause> = NOT_HERE.iter().map(|&(cause, _)| cause).collect();
    ensure!(missing == expected, "causes that were not seen: {missing:?}, expected were {expected:?}");
    tell!("{} of {} causes brought about, each as exactly as its errno", seen.len(), Cause::ALL.len());
    Ok(())
}
