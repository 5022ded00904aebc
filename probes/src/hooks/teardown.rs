//! Teardown: from the request to unmap a map's grants to the moment when they are gone. Mostly that is within the operation that requests
//! it, and goes into its record; for the rest see `op/teardown.rs`.

use grantscope_wire::hook::rows::{GnttabUnmapRefsAsync, GnttabUnmapWork};
use grantscope_wire::{HookId, MapInfo, Op, Row};

use crate::call::{Call, Entered};
use crate::kernel::fields;
use crate::live::ledger;
use crate::op::caller;
use crate::op::evidence::{Maps, STATUSES_READ};
use crate::op::statuses;
use crate::op::task::{self, Task};
use crate::op::teardown::{self, PARKED, Unmapping};

hook!(GnttabUnmapRefsAsync, on_gnttab_unmap_refs_async);
hook!(GnttabUnmapWork, on_gnttab_unmap_work);

/// `void gnttab_unmap_refs_async(struct gntab_unmap_queue_data *item)`; gntdev's item carries its map (gntdev.c:404).
#[inline(always)]
fn on_gnttab_unmap_refs_async(call: &Call<GnttabUnmapRefsAsync, impl Entered>) {
    let item = call.pointer::<0>();
    let Some(map) = call.load(fields::at::unmap_data(item)) else { return };
    let known = ledger::map(map);
    // Not the map's: on x86 PV a part of it can go alone.
    let pages = call.load(fields::at::unmap_count(item)).unwrap_or(0);
    let info = MapInfo { pages, ..known.copied().unwrap_or_default() };
    let Some(task) = task::busy_here() else {
        let Some(unmap_ops) = call.load(fields::at::unmap_ops(item)) else { return };
        // Block back ends use the same function, in none of our operations and with no map of gntdev's.
        if known.is_none() {
            return caller::note_requester(unmap_ops, caller::of(call));
        }
        let item = call.address::<0>();
        caller::note_gntdev(unmap_ops, item);
        teardown::park(&Unmapping { item, map, info }, 0);
        return;
    };
    task.events.mark(GnttabUnmapRefsAsync::HOOK.id);
    is_torn_down(task, known);
    let op = task.head().op;
    if task.unmapping.is_here() {
        // The one before is deferred.
        teardown::park(&task.unmapping, op);
    }
    task.unmapping = Unmapping { item, map, info };
    if !task.reports_teardowns() {
        teardown::park(&task.unmapping, op);
        task.unmapping.map = PARKED;
    }
}

/// `void gnttab_unmap_work(struct work_struct *work)`: the work is the item's first member.
#[inline(always)]
fn on_gnttab_unmap_work(call: &Call<GnttabUnmapWork, impl Entered>) {
    let item = call.address::<0>();
    if teardown::retry(item)
        && let Some(unmap_ops) = fields::unmap_ops(item)
    {
        caller::note_gntdev(unmap_ops, item);
    }
}

/// `gnttab_unmap_refs` returned in this task: what it had requested to be unmapped is.
#[inline(always)]
pub fn unmapped(task: &mut Task, now: u64, ret: i32) {
    let item = task.unmapping.item;
    if item == 0 {
        return;
    }
    if task.unmapping.is_here() {
        return task.add_teardown(ret);
    }
    task.unmapping.item = 0;
    teardown::finish(item, now, ret);
}

/// The operation that takes a map down is about that map; a close takes down many, and is about none.
#[inline(always)]
pub fn is_torn_down(task: &mut Task, map: Option<&MapInfo>) {
    if task.is(Op::Unmap) || task.is(Op::Release) {
        if let Some(info) = map {
            task.head_mut().set_map(info);
        }
    } else if task.is(Op::Export) && task.passed(HookId::GnttabMapRefs) && !task.evidence.has(STATUSES_READ) {
        // An export unmaps and frees its map only where it failed: Xen's answers are lost with the map, and what Linux noted in its pages
        // already when they are unmapped. Where no grant was mapped, nothing is unmapped.
        statuses::read::<Maps>(task);
    }
}
