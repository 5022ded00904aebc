//! The grant table: the hypercalls, and what Linux does around them. Stages of the operation that is under way; where none is, an
//! in-kernel user asked, and they are operations of its own.
//!
//! Source: drivers/xen/grant-table.c, arch/arm/xen/p2m.c, Linux v6.12. `HYPERVISOR_grant_table_op` cannot be probed
//! (it is assembly on arm64 and noinstr on x86); the boundary to the p2m update, entered right after it, stands for its return.

use grantscope_wire::{HookId, Op, Stage};

use crate::caller;
use crate::cause;
use crate::evidence::{Asked, COPY_REFUSED, Copies, GRANT_TABLE_FULL, Maps, Request, Unmaps};
use crate::fields::map_domid;
use crate::hook::{Entered, Returned};
use crate::task::{self, KernelUser};

hook!(gnttab_map_refs, map_refs_entered, |call: &_| leave_or_end::<Maps>(HookId::GnttabMapRefs, Returned::int(call)));
hook!(gnttab_unmap_refs, unmap_refs_entered, |call: &_| leave_or_end::<Unmaps>(HookId::GnttabUnmapRefs, Returned::int(call)));
hook!(gnttab_batch_map, batch_map_entered, |_: &_| leave_or_end::<Maps>(HookId::GnttabBatchMap, 0));
hook!(gnttab_batch_copy, batch_copy_entered, batch_copy_returned);
hook!(set_foreign_p2m_mapping, p2m_mapping_is_set);
hook!(clear_foreign_p2m_mapping, p2m_mapping_is_cleared);
hook!(gnttab_alloc_grant_references, grants_begin);
hook!(gnttab_expand, grant_table_is_full);
hook!(msleep, sleep_entered, sleep_returned);

/// `int gnttab_map_refs(map_ops, kmap_ops, pages, unsigned int count)`
#[inline(always)]
fn map_refs_entered(call: &impl Entered) {
    let request = Request { operations: call.long(0), pages: call.pointers(2), count: call.int(3) };
    task::enter_or_begin(Op::MapRefs, HookId::GnttabMapRefs, Stage::MapHypercall, request, || {
        Some(KernelUser { caller: call.caller(), domid: map_domid(request.operations) })
    });
}

/// `int gnttab_unmap_refs(unmap_ops, kunmap_ops, pages, unsigned int count)`. A grant's handle does not tell its domain.
#[inline(always)]
fn unmap_refs_entered(call: &impl Entered) {
    let request = Request { operations: call.long(0), pages: 0, count: call.int(3) };
    task::enter_or_begin(Op::UnmapRefs, HookId::GnttabUnmapRefs, Stage::UnmapHypercall, request, || {
        let caller = caller::asker(request.operations, || call.caller())?;
        Some(KernelUser { caller, domid: None })
    });
}

/// `void gnttab_batch_map(struct gnttab_map_grant_ref *batch, unsigned int count)`: does not call gnttab_map_refs.
#[inline(always)]
fn batch_map_entered(call: &impl Entered) {
    let request = Request { operations: call.long(0), pages: 0, count: call.int(1) };
    task::enter_or_begin(Op::BatchMap, HookId::GnttabBatchMap, Stage::MapHypercall, request, || {
        Some(KernelUser { caller: call.caller(), domid: map_domid(request.operations) })
    });
}

/// `void gnttab_batch_copy(struct gnttab_copy *batch, unsigned int count)`
#[inline(always)]
fn batch_copy_entered(call: &impl Entered) {
    let request = Request { operations: call.long(0), pages: 0, count: call.int(1) };
    task::enter_or_begin(Op::BatchCopy, HookId::GnttabBatchCopy, Stage::GrantCopy, request, || {
        Some(KernelUser { caller: call.caller(), domid: None })
    });
}

/// One of those returned: the end of a stage, or of an in-kernel user's operation, with what Xen answered.
#[inline(always)]
fn leave_or_end<A: Asked>(hook: HookId, ret: i32) {
    if let Some(task) = task::finished_here(hook) {
        cause::of_kernel_user::<A>(task, ret);
        task.emit(hook, ret);
    }
}

/// `int set_foreign_p2m_mapping(map_ops, kmap_ops, pages, unsigned int count)`: the last thing that gnttab_map_refs does.
#[inline(always)]
fn p2m_mapping_is_set(_: &impl Entered) {
    p2m_update_inside(HookId::GnttabMapRefs);
}

/// `int clear_foreign_p2m_mapping(unmap_ops, kunmap_ops, pages, unsigned int count)`: the last thing that gnttab_unmap_refs does.
#[inline(always)]
fn p2m_mapping_is_cleared(_: &impl Entered) {
    p2m_update_inside(HookId::GnttabUnmapRefs);
}

#[inline(always)]
fn p2m_update_inside(hook: HookId) {
    if let Some(task) = task::busy_here().filter(|task| task.is_inside(hook)) {
        task.switch(Stage::P2mUpdate);
    }
}

/// `int gnttab_alloc_grant_references(u16 count, grant_ref_t *head)`: an import begins to grant.
#[inline(always)]
fn grants_begin(_: &impl Entered) {
    if let Some(task) = task::busy().filter(|task| task.is_inside(HookId::GntdevIoctl)) {
        task.switch(Stage::GrantAccess);
    }
}

/// gntdev's ioctl succeeds also where Xen refused a segment: this is the only place that tells.
#[inline(always)]
fn batch_copy_returned(_: &impl Returned) {
    leave_or_end::<Copies>(HookId::GnttabBatchCopy, 0);
    if let Some(task) = task::busy_here().filter(|task| task.is(Op::Copy))
        && !task.evidence.all_okay::<Copies>()
    {
        task.evidence.add(COPY_REFUSED);
    }
}

/// `int gnttab_expand(unsigned int req_entries)`: no free reference is left. An operation that ends with ENOSPC after this could
/// not get any by growing the table either.
#[inline(always)]
fn grant_table_is_full(_: &impl Entered) {
    if let Some(task) = task::busy() {
        task.evidence.add(GRANT_TABLE_FULL);
    }
}

/// `void msleep(unsigned int msecs)`: everybody's, and the grant table's where Xen says that a grant's page is not there yet
/// (`gnttab_retry_eagain_gop`).
#[inline(always)]
fn sleep_entered(_: &impl Entered) {
    const SLEEPERS: [HookId; 3] = [HookId::GnttabMapRefs, HookId::GnttabBatchMap, HookId::GnttabBatchCopy];
    if task::busy().is_some_and(|task| SLEEPERS.iter().any(|hook| task.is_inside(*hook))) {
        task::enter(HookId::Msleep, Stage::EagainSleep);
    }
}

#[inline(always)]
fn sleep_returned(_: &impl Returned) {
    if task::busy().is_some_and(|task| task.is_inside(HookId::Msleep)) {
        task::leave(HookId::Msleep);
    }
}
