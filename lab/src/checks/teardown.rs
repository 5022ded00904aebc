//! Teardown to its true end: the call that unmaps returns at once, the grants go when the last user of a page is gone.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use grantscope_collector::judge::Truth;
use grantscope_wire::{Op, Stage};

use super::{Bench, PATIENCE, profile::Recorded, release_orders};
use crate::{boot::console_watch::End, clock::Clock, guest::job::Job};

/// How long the workload's scenario holds a page; see workload/scenarios/deferred.toml.
const HELD_NS: u64 = 50_000_000;
/// What an unmap that waited for nobody takes at most, at any page count of the scenario.
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

/// Pages that are in use when they are unmapped, and pages that are let go of in every order.
pub fn ends_are_seen(bench: &Bench) -> Result<()> {
    let out = bench.out("ends");
    let outcome = bench.full()?.run(&Job::Script(ENDS.into()), Clock::Counted, PATIENCE, &out, &mut ())?;
    ensure!(outcome.end == End::Pass, bench.unexpected("ends", &outcome));
    ensure!(outcome.warnings.is_empty(), "the kernel complained: {:?}", outcome.warnings);
    deferred_teardowns_are_seen(&out.join("deferred"))?;
    // Whoever owns the pages, it is the same table.
    release_orders::are_as_told(&out, "orders-own")?;
    release_orders::are_as_told(&out, "orders-peer")
}

/// A page held in a pipe: the unmap returns in a fraction of the time that the grants stay mapped.
fn deferred_teardowns_are_seen(file: &Path) -> Result<()> {
    let recorded = Recorded::read(&file.with_extension("gsr"))?;
    recorded.agrees_with(&Truth::parse(&fs::read_to_string(file.with_extension("json"))?)?)?;
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
    tell!(
        "{} teardowns took {:.1} to {:.1} ms in up to {most} more attempts; no unmap took longer than {:.1} µs",
        deferred.len(),
        shortest as f64 / 1e6,
        last as f64 / 1e6,
        longest as f64 / 1e3
    );
    Ok(())
}
