//! Teardown to its true end: the call that unmaps returns at once, the grants go when the last user of a page is gone.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use grantscope_wire::{Op, Stage};

use super::{
    harness::Harness,
    recorded::{Recorded, truth},
    release_orders,
};
use crate::{guest::job::Job, platform::Clock};

/// How long the workload's scenario holds a page; see workload/scenarios/deferred.toml.
const HELD_NS: u64 = 50_000_000;
/// The longest duration of an unmap that waits for no user of its pages, at any page count of the scenario.
const AT_ONCE_NS: u64 = HELD_NS / 2;

/// All in one boot. A table is on standard error, with the recorder's own lines.
const ENDS: &str = "
ends() {
    name=$1 scenario=$2
    shift 2
    grantscope record -o /out/$name.gsr --clock counted -- \
        grantscope-workload run --scenario $scenario --truth /out/$name.json \"$@\" 2>/out/$name.table || { cat /out/$name.table >&2; exit 1; }
}
ends deferred deferred --peer 1
ends orders-own release-orders --self
ends orders-peer release-orders --peer 1
";

/// Pages that are in use when they are unmapped, and pages that are released in every order.
pub fn ends_are_seen(harness: &Harness) -> Result<()> {
    let out = harness.out("ends");
    harness.passes_in_peace(harness.full()?, "ends", &Job::Script(ENDS.into()), Clock::Counted)?;
    deferred_teardowns_are_seen(&out.join("deferred"))?;
    // The table does not depend on the owner of the pages.
    release_orders::are_as_documented(&out, "orders-own")?;
    release_orders::are_as_documented(&out, "orders-peer")
}

/// A page held in a pipe: the unmap returns in a fraction of the time that the grants stay mapped.
fn deferred_teardowns_are_seen(file: &Path) -> Result<()> {
    let recorded = Recorded::read(&file.with_extension("gsr"))?;
    recorded.agrees_with(&truth(&file.with_extension("json"))?)?;
    let of = |op: Op| recorded.operations.iter().filter(move |operation| operation.op == op);
    let deferred: Vec<_> = of(Op::Teardown)
        .filter_map(|teardown| Some((teardown, teardown.stages.iter().find(|span| span.stage == Stage::Deferred)?)))
        .collect();
    ensure!(!deferred.is_empty(), "no teardown was deferred, although the workload held a page of each");
    for (teardown, wait) in &deferred {
        let duration_ns = teardown.duration_ns;
        ensure!(duration_ns >= HELD_NS, "a page was held for {HELD_NS} ns, and its teardown took only {duration_ns}");
        ensure!(wait.calls > 0, "a teardown was deferred, but never tried again: {teardown:?}");
        ensure!(teardown.started_by() == Some(Op::Unmap), "not started by the unmap: {teardown:?}");
    }
    let longest = of(Op::Unmap).map(|unmap| unmap.duration_ns).max().context("nothing was unmapped")?;
    ensure!(longest < AT_ONCE_NS, "an unmap took {longest} ns, as if it had waited for the page");
    let shortest = deferred.iter().map(|(teardown, _)| teardown.duration_ns).min().unwrap_or(0);
    let (most, last) = (
        deferred.iter().map(|(_, wait)| wait.calls).max().unwrap_or(0),
        deferred.iter().map(|(teardown, _)| teardown.duration_ns).max().unwrap_or(0),
    );
    note!(
        "{} teardowns took {:.1} to {:.1} ms in up to {most} more attempts; no unmap took longer than {:.1} µs",
        deferred.len(),
        shortest as f64 / 1e6,
        last as f64 / 1e6,
        longest as f64 / 1e3
    );
    Ok(())
}
