//! The end of a map, whichever hook meets it first: what the operation that takes it down learns from it.

use grantscope_wire::{HookId, Op};

use crate::live::ledger;
use crate::op::evidence::{Maps, STATUSES_READ};
use crate::op::task;

/// An export unmaps and frees its map only where it failed: Xen's answers are lost with the map, and what Linux noted in its pages
/// already when they are unmapped. Where no grant was mapped, nothing is unmapped.
#[inline(always)]
pub fn export_failed() {
    if let Some(task) = task::busy().filter(|task| task.is(Op::Export) && task.passed(HookId::GnttabMapRefs))
        && !task.evidence.has(STATUSES_READ)
    {
        task.evidence.read_statuses::<Maps>();
    }
}

/// The operation that takes a map down is about that map; a close takes down many, and is about none.
#[inline(always)]
pub fn is_torn_down(map: u64) {
    let Some(task) = task::busy_here() else { return };
    if !(task.is(Op::Unmap) || task.is(Op::Release)) {
        return;
    }
    if let Some(info) = ledger::map(map) {
        task.head_mut().set_map(info);
    }
}
