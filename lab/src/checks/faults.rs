//! Why something failed: errno, cause and Xen's grant statuses of every failure that does no harm, against what was done.

use std::{collections::BTreeSet, fs};

use anyhow::{Context, Result, ensure};
use grantscope_collector::judge::Truth;
use grantscope_wire::Cause;

use super::{Bench, PATIENCE, profile::Recorded};
use crate::{boot::console_watch::End, clock::Clock, guest::job::Job};

/// By both means of attaching: what a kretprobe does not know must not be missing. Some grants are held all the while: one that fails
/// for want of a page is taken off gntalloc's count twice (`add_grefs` in drivers/xen/gntalloc.c, v6.12.117), and gntalloc whose count is
/// below 0 grants nothing any more.
const FAULTS: &str = "
grantscope-workload frontend --to 0 --pages 32 >/tmp/held &
until grep -q granted /tmp/held; do kill -0 $! || exit; sleep 0.1; done
faults() {
    grantscope record -o /out/$1.gsr --clock counted --attach $1 -- \
        grantscope-workload run --scenario faults --self --pages 32 --truth /out/$1.json
}
faults best && faults kprobe
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
    (Cause::GrantTableFull, "Xen would have to be booted with a smaller grant table"),
];

/// Runs them all, and compares exactly.
pub fn are_explained(bench: &Bench) -> Result<()> {
    let out = bench.out("faults");
    let outcome = bench.full()?.run(&Job::Script(FAULTS.into()), Clock::Counted, PATIENCE, &out, &mut ())?;
    ensure!(outcome.end == End::Pass, bench.unexpected("faults", &outcome));
    ensure!(outcome.warnings.is_empty(), "the kernel complained: {:?}", outcome.warnings);
    for means in ["best", "kprobe"] {
        let truth = Truth::parse(&fs::read_to_string(out.join(means).with_extension("json"))?)?;
        ensure!(truth.skipped.is_empty(), "left out what the lab's kernel should be able to do: {:?}", truth.skipped);
        let recorded = Recorded::read(&out.join(means).with_extension("gsr"))?;
        recorded.agrees_with(&truth).with_context(|| format!("attached by {means}"))?;
        causes_are_all_there(&recorded)?;
    }
    Ok(())
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
