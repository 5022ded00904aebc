//! What a DMA buffer's memory is made of: its stages at full detail, and which allocator provided it, beside the kernel's own trace.

use std::fs;

use anyhow::{Context, Result, ensure};
use grantscope_wire::{Allocator, Buffer, Op};

use super::{
    allocators_table,
    harness::Harness,
    recorded::{Recorded, truth},
    traced::Line,
};
use crate::{
    guest::job::{Command, Job},
    platform::{Clock, MAIN, WITHOUT_CMA},
};

/// The load, under the kernel's own list of what CMA was asked for.
const JOB: &str = r#"
tracing=/sys/kernel/tracing
event=$tracing/events/cma/cma_alloc_finish
echo mono >$tracing/trace_clock && echo 8192 >$tracing/buffer_size_kb && echo 1 >$event/enable || exit
grantscope record -o /out/allocators.gsr --clock counted --detail full -- \
    grantscope-workload run --peer 1 --scenario /job/allocators.toml --truth /out/allocators.json >/out/allocators.said 2>&1 || exit
echo 0 >$event/enable
grep cma_alloc_finish $tracing/trace >/out/traced
grep -h overrun $tracing/per_cpu/cpu*/stats >/out/overrun
"#;

/// With CMA, and on a boot without.
///
/// # Errors
/// When a figure differs from what the programs or the kernel wrote down.
pub fn are_told_apart(harness: &Harness) -> Result<()> {
    let with = recorded(harness, "allocators", MAIN)?;
    let without = recorded(harness, "allocators-without-cma", &WITHOUT_CMA)?;
    let (cma, buddy) = (provided_by(&with, Allocator::Cma), provided_by(&with, Allocator::Buddy));
    ensure!(cma > 0 && buddy > 0, "with CMA, {cma} buffers are from it, and {buddy} from the buddy allocator");
    let (none, all) = (provided_by(&without, Allocator::Cma), provided_by(&without, Allocator::Buddy));
    ensure!(none == 0 && all == cma + buddy, "without CMA, {none} buffers are from it, and {all} from the buddy allocator");
    note!("{cma} buffers from CMA and {buddy} from the buddy allocator; without CMA {none} and {all}");
    allocators_table::is_written(&with, &without)
}

fn recorded(harness: &Harness, name: &str, platform: &'static crate::platform::Platform) -> Result<Recorded> {
    let out = harness.out(name);
    let scenario = out.with_extension("toml");
    fs::write(&scenario, include_str!("allocators.toml")).with_context(|| format!("cannot write {scenario:?}"))?;
    let files = vec![("allocators.toml".to_owned(), scenario)];
    let job = Job::Bare(Command { files, ..Command::inside("/bin/sh", &["-c", JOB]) });
    let outcome = harness.passes(&harness.lab(platform)?, name, &job, Clock::Counted)?;
    let recorded = Recorded::read(&out.join("allocators.gsr"))?;
    recorded.agrees_with(&truth(&out.join("allocators.json"))?)?;
    let overrun = outcome.required("overrun")?;
    ensure!(overrun.lines().all(|line| line.ends_with("overrun: 0")), "the kernel's trace was too small: {overrun}");
    allocators_are_those_of_the_kernel(&recorded, &outcome.required("traced")?)?;
    Ok(recorded)
}

/// Of every buffer that was allocated the same is recorded as the kernel's trace says.
fn allocators_are_those_of_the_kernel(recorded: &Recorded, traced: &str) -> Result<()> {
    let finished: Vec<_> = traced.lines().map(|line| Line::read(line, "cma_alloc_finish")).collect::<Result<_>>()?;
    let provided: Vec<_> = finished.iter().filter(|line| line.field("errorno") == Some("0")).collect();
    for operation in recorded.operations.iter().filter(|operation| operation.op == Op::Export) {
        let is_dma = matches!(operation.buffer, Some(Buffer::Wc | Buffer::Coherent));
        let of_cma = provided.iter().any(|line| line.is_within(operation));
        let expected = is_dma.then_some(if of_cma { Allocator::Cma } else { Allocator::Buddy });
        ensure!(operation.allocator() == expected, "{expected:?} by the kernel's trace: {operation:?}");
    }
    Ok(())
}

fn provided_by(recorded: &Recorded, allocator: Allocator) -> usize {
    recorded.operations.iter().filter(|operation| operation.allocator() == Some(allocator)).count()
}
