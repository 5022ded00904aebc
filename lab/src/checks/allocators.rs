//! What a DMA buffer's memory is made of: its stages at full detail, and which allocator provided it, beside the kernel's own trace.

use anyhow::{Result, ensure};
use grantscope_wire::{Allocator, Buffer, Detail, Op};

use super::{
    allocators_table,
    harness::Harness,
    recorded::Recorded,
    traced::{Load, Traced},
};
use crate::platform::{MAIN, Platform, WITHOUT_CMA};

/// The load, under the kernel's own list of what CMA was asked for.
const LOAD: Load =
    Load { event: ["cma", "cma_alloc_finish"], scenario: include_str!("allocators.toml"), detail: Detail::Full, afterwards: "" };

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

/// Of every buffer that was allocated the same is recorded as the kernel's trace says.
fn recorded(harness: &Harness, name: &str, platform: &'static Platform) -> Result<Recorded> {
    let traced = Traced::run(harness, name, platform, &LOAD)?;
    let mut provided = traced.lines()?;
    provided.retain(|line| line.field("errorno") == Some("0"));
    for operation in traced.recorded.operations.iter().filter(|operation| operation.op == Op::Export) {
        let is_dma = matches!(operation.buffer, Some(Buffer::Wc | Buffer::Coherent));
        let of_cma = provided.iter().any(|line| line.is_within(operation));
        let expected = is_dma.then_some(if of_cma { Allocator::Cma } else { Allocator::Buddy });
        ensure!(operation.allocator() == expected, "{expected:?} by the kernel's trace: {operation:?}");
    }
    Ok(traced.recorded)
}

fn provided_by(recorded: &Recorded, allocator: Allocator) -> usize {
    recorded.operations.iter().filter(|operation| operation.allocator() == Some(allocator)).count()
}
