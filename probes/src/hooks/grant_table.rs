//! The grant table: the hypercalls, and what Linux does around them. Stages of the operation that is under way; where none is, an
//! in-kernel user asked, and they are operations of its own.
//!
//! Source: drivers/xen/grant-table.c, arch/arm/xen/p2m.c, Linux v6.12. `HYPERVISOR_grant_table_op` cannot be probed
//! (it is assembly on arm64 and noinstr on x86); the entry of the p2m update, the last thing that gnttab_map_refs and gnttab_unmap_refs
//! do, stands for its return.

use grantscope_wire::hook::rows::{GnttabBatchCopy, GnttabBatchMap, GnttabExpand, GnttabMapRefs, GnttabUnmapRefs, Msleep};
use grantscope_wire::{HookId, Op, OpAt, Row};

use super::teardown;
use crate::call::{Call, Entered, Return, Returned};
use crate::kernel::fields::map_domid;
use crate::op::caller::{self, UnmappedFor};
use crate::op::cause;
use crate::op::events::now_ns;
use crate::op::evidence::{COPY_REFUSED, Copies, GRANT_TABLE_FULL, GrantOp, Maps, Request, Unmaps};
use crate::op::task::{self, Requested, Task};

const MAP_REFS_OP: OpAt<GnttabMapRefs> = OpAt::new(Op::MapRefs);
const UNMAP_REFS_OP: OpAt<GnttabUnmapRefs> = OpAt::new(Op::UnmapRefs);
const BATCH_MAP_OP: OpAt<GnttabBatchMap> = OpAt::new(Op::BatchMap);
const BATCH_COPY_OP: OpAt<GnttabBatchCopy> = OpAt::new(Op::BatchCopy);

hook!(GnttabMapRefs, on_gnttab_map_refs, on_gnttab_map_refs_return);
hook!(GnttabUnmapRefs, on_gnttab_unmap_refs, on_gnttab_unmap_refs_return);
hook!(GnttabBatchMap, on_gnttab_batch_map, |call: &_| leave_or_end::<Maps, _, _>(call, 0));
hook!(GnttabBatchCopy, on_gnttab_batch_copy, on_gnttab_batch_copy_return);
hook!(SetForeignP2mMapping, task::enter_here);
hook!(ClearForeignP2mMapping, task::enter_here);
hook!(GnttabAllocGrantReferences, task::enter);
hook!(GnttabExpand, on_gnttab_expand);
hook!(Msleep, on_msleep, on_msleep_return);

/// `int gnttab_map_refs(map_ops, kmap_ops, pages, unsigned int count)`
#[inline(always)]
fn on_gnttab_map_refs(call: &Call<GnttabMapRefs, impl Entered>) {
    let request = Request { operations: call.pointer::<0>(), pages: call.pointers::<2>(), count: call.int::<3>() };
    task::enter_or_begin(call, MAP_REFS_OP, request, || Requested::ByUser(caller::of(call), map_domid(request.operations)));
}

/// `int gnttab_unmap_refs(unmap_ops, kunmap_ops, pages, unsigned int count)`. A grant's handle does not carry its domain.
#[inline(always)]
fn on_gnttab_unmap_refs(call: &Call<GnttabUnmapRefs, impl Entered>) {
    let request = Request { operations: call.pointer::<0>(), pages: 0, count: call.int::<3>() };
    task::enter_or_begin(call, UNMAP_REFS_OP, request, || match caller::requester(request.operations, || caller::of(call)) {
        UnmappedFor::User(caller) => Requested::ByUser(caller, None),
        UnmappedFor::Gntdev(item) => Requested::ByGntdev(item),
    });
}

/// `void gnttab_batch_map(struct gnttab_map_grant_ref *batch, unsigned int count)`: does not call gnttab_map_refs.
#[inline(always)]
fn on_gnttab_batch_map(call: &Call<GnttabBatchMap, impl Entered>) {
    let request = Request { operations: call.pointer::<0>(), pages: 0, count: call.int::<1>() };
    task::enter_or_begin(call, BATCH_MAP_OP, request, || Requested::ByUser(caller::of(call), map_domid(request.operations)));
}

/// `void gnttab_batch_copy(struct gnttab_copy *batch, unsigned int count)`
#[inline(always)]
fn on_gnttab_batch_copy(call: &Call<GnttabBatchCopy, impl Entered>) {
    let request = Request { operations: call.pointer::<0>(), pages: 0, count: call.int::<1>() };
    task::enter_or_begin(call, BATCH_COPY_OP, request, || Requested::ByUser(caller::of(call), None));
}

#[inline(always)]
fn on_gnttab_map_refs_return(call: &Return<GnttabMapRefs, impl Returned>) {
    leave_or_end::<Maps, _, _>(call, call.int());
}

#[inline(always)]
fn on_gnttab_unmap_refs_return(call: &Return<GnttabUnmapRefs, impl Returned>) {
    let now = now_ns();
    let Some(task) = task::busy_here() else { return };
    let is_over = task.returned(GnttabUnmapRefs::HOOK.id, now);
    let ret = call.int();
    teardown::unmapped(task, now, ret);
    if !is_over {
        return;
    }
    // Of a teardown the record has just been sent.
    if task.is(Op::Teardown) {
        return task.release();
    }
    cause::of_kernel_user::<Unmaps>(task, ret);
    task.emit(call, ret);
}

/// One of those returned: the end of a stage, or of an in-kernel user's operation, with what Xen answered.
#[inline(always)]
fn leave_or_end<A: GrantOp, H: Row, C>(call: &Return<H, C>, ret: i32) {
    if let Some(task) = task::finished_here(call) {
        cause::of_kernel_user::<A>(task, ret);
        task.emit(call, ret);
    }
}

/// gntdev's ioctl succeeds also where Xen refused a segment: this is the only place that shows it.
#[inline(always)]
fn on_gnttab_batch_copy_return(call: &Return<GnttabBatchCopy, impl Returned>) {
    leave_or_end::<Copies, _, _>(call, 0);
    if let Some(task) = task::busy_here().filter(|task| task.is(Op::Copy))
        && !task.evidence.all_okay::<Copies>()
    {
        task.evidence.add(COPY_REFUSED);
    }
}

/// `int gnttab_expand(unsigned int req_entries)`: no free reference is left. An operation that ends with ENOSPC after this could
/// not get any by growing the table either.
#[inline(always)]
fn on_gnttab_expand(_: &Call<GnttabExpand, impl Entered>) {
    if let Some(task) = task::busy() {
        task.events.mark(GnttabExpand::HOOK.id);
        task.evidence.add(GRANT_TABLE_FULL);
    }
}

/// `void msleep(unsigned int msecs)`: called by all of the kernel, and by the grant table where Xen says that a grant's page is not
/// there yet (`gnttab_retry_eagain_gop`).
#[inline(always)]
fn on_msleep(_: &Call<Msleep, impl Entered>) {
    if let Some(task) = task::busy().filter(sleeps_for_xen) {
        task.events.enter(Msleep::HOOK.id);
    }
}

#[inline(always)]
fn on_msleep_return(_: &Return<Msleep, impl Returned>) {
    let now = now_ns();
    if let Some(task) = task::busy().filter(sleeps_for_xen) {
        task.events.leave(Msleep::HOOK.id, now);
    }
}

#[inline(always)]
fn sleeps_for_xen(task: &&'static mut Task) -> bool {
    task.events.passed_any(&[HookId::GnttabMapRefs, HookId::GnttabBatchMap, HookId::GnttabBatchCopy])
}
