//! dma-bufs: exporting them, their importers, and their end.
//!
//! Source: drivers/dma-buf/dma-buf.c and drivers/xen/gntdev-dmabuf.c, Linux v6.12. The functions of dma-buf.c serve all drivers:
//! on their own they begin an operation only tentatively, and gntdev's own `dma_buf_ops` confirm it. For an importer that can
//! follow a moving buffer (`importer_ops`) dma-buf.c maps inside attach and unmaps inside detach, so those are the operations then.

use grantscope_wire::hook::rows::{
    DmaBufDetach, DmaBufDynamicAttach, DmaBufExport, DmaBufGet, DmaBufMapAttachment, DmaBufUnmapAttachment, DmabufExpOpsAttach,
    DmabufExpOpsDetach, DmabufExpOpsMapDmaBuf, DmabufExpOpsRelease, DmabufExpOpsUnmapDmaBuf, DmabufImpRelease,
};
use grantscope_wire::{Buffer, HookId, LossKind, MapInfo, Op, OpAt, Row};

use crate::call::{Call, Entered, Return, Returned};
use crate::kernel::fields::{attachment_dmabuf, pointer_error};
use crate::live::ledger;
use crate::op::cause;
use crate::op::evidence::{ATTACH_FAILED, ATTACHMENT_MAP_FAILED, DESCRIPTOR_LOOKED_UP, attached};
use crate::op::task::{self, Task};
use crate::out::loss;

const RELEASE_OP: OpAt<DmabufExpOpsRelease> = OpAt::new(Op::Release);
const ATTACH_OP: OpAt<DmaBufDynamicAttach> = OpAt::new(Op::Attach);
const ATTACHMENT_MAP_OP: OpAt<DmaBufMapAttachment> = OpAt::new(Op::AttachmentMap);
const ATTACHMENT_UNMAP_OP: OpAt<DmaBufUnmapAttachment> = OpAt::new(Op::AttachmentUnmap);
const DETACH_OP: OpAt<DmaBufDetach> = OpAt::new(Op::Detach);

hook!(DmaBufExport, task::enter, on_dma_buf_export_return);
hook!(DmaBufGet, on_dma_buf_get);
hook!(DmabufExpOpsRelease, on_dmabuf_exp_ops_release, on_dmabuf_exp_ops_release_return);
hook!(DmaBufDynamicAttach, on_dma_buf_dynamic_attach, on_dma_buf_dynamic_attach_return);
hook!(DmabufExpOpsAttach, on_dmabuf_exp_ops_attach);
hook!(DmaBufMapAttachment, on_dma_buf_map_attachment, on_dma_buf_map_attachment_return);
hook!(DmabufExpOpsMapDmaBuf, on_dmabuf_exp_ops_map_dma_buf);
hook!(DmabufImpRelease, on_dmabuf_imp_release);
hook!(DmaBufUnmapAttachment, on_dma_buf_unmap_attachment, on_dma_buf_unmap_attachment_return);
hook!(DmabufExpOpsUnmapDmaBuf, on_dmabuf_exp_ops_unmap_dma_buf);
hook!(DmaBufDetach, on_dma_buf_detach, on_dma_buf_detach_return);
hook!(DmabufExpOpsDetach, on_dmabuf_exp_ops_detach);

/// `struct dma_buf *dma_buf_export(const struct dma_buf_export_info *exp_info)`
#[inline(always)]
fn on_dma_buf_export_return(call: &Return<DmaBufExport, impl Returned>) {
    let task = task::leave(call);
    let dmabuf = call.pointer();
    if pointer_error(dmabuf) == 0
        && let Some(task) = task.filter(|task| task.is(Op::Export))
    {
        // Who granted it is known when the call returns.
        task.evidence.dmabuf = dmabuf;
        ledger::remember_dmabuf(dmabuf, &task.head().map_info());
    }
}

/// `void dmabuf_exp_ops_release(struct dma_buf *dma_buf)`
#[inline(always)]
fn on_dmabuf_exp_ops_release(call: &Call<DmabufExpOpsRelease, impl Entered>) {
    task::begin(call, RELEASE_OP);
    let dmabuf = call.address::<0>();
    if let (Some(task), Some(info)) = (task::busy(), ledger::dmabuf(dmabuf))
        && task.is(Op::Release)
    {
        task.head_mut().set_map(info);
    }
    ledger::forget_dmabuf(dmabuf);
}

#[inline(always)]
fn on_dmabuf_exp_ops_release_return(call: &Return<DmabufExpOpsRelease, impl Returned>) {
    if let Some(task) = task::operation_finished(call) {
        task.emit(call, 0);
    }
}

/// `struct dma_buf_attachment *dma_buf_dynamic_attach(struct dma_buf *dmabuf, dev, importer_ops, importer_priv)`
#[inline(always)]
fn on_dma_buf_dynamic_attach(call: &Call<DmaBufDynamicAttach, impl Entered>) {
    let dmabuf = call.address::<0>();
    // An import by gntdev itself: no other hook shows whose buffer it is.
    if let Some(task) = task::busy_with(Op::Import) {
        set_buffer_of(task, dmabuf);
        task.evidence.dmabuf = dmabuf;
    }
    task::begin_tentative(call, ATTACH_OP, dmabuf);
}

#[inline(always)]
fn on_dma_buf_dynamic_attach_return(call: &Return<DmaBufDynamicAttach, impl Returned>) {
    let error = pointer_error(call.pointer());
    report(call, error, ledger::dmabuf);
    note_failed_import(error, ATTACH_FAILED);
}

/// `int dmabuf_exp_ops_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn on_dmabuf_exp_ops_attach(call: &Call<DmabufExpOpsAttach, impl Entered>) {
    confirm(call, Op::Attach, || ledger::dmabuf(call.address::<0>()));
}

/// `struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach, enum dma_data_direction direction)`
#[inline(always)]
fn on_dma_buf_map_attachment(call: &Call<DmaBufMapAttachment, impl Entered>) {
    task::begin_tentative(call, ATTACHMENT_MAP_OP, call.address::<0>());
}

#[inline(always)]
fn on_dma_buf_map_attachment_return(call: &Return<DmaBufMapAttachment, impl Returned>) {
    let table = call.pointer();
    let error = pointer_error(table);
    report_with(call, error, buffer_attached_to, |task| {
        if !attached(HookId::DmaMapSgtable) {
            task.add_mapping(if error == 0 { table } else { 0 });
        }
        cause::of_attachment_map(task, error);
    });
    note_failed_import(error, ATTACHMENT_MAP_FAILED);
}

/// `struct sg_table *dmabuf_exp_ops_map_dma_buf(struct dma_buf_attachment *attach, enum dma_data_direction dir)`
#[inline(always)]
fn on_dmabuf_exp_ops_map_dma_buf(call: &Call<DmabufExpOpsMapDmaBuf, impl Entered>) {
    confirm(call, Op::AttachmentMap, || buffer_attached_to(call.address::<0>()));
    if let Some(task) = task::busy_with(Op::AttachmentMap) {
        task.is_to_map();
    }
}

/// `int dmabuf_imp_release(struct gntdev_dmabuf_priv *priv, u32 fd)`: revokes the grants first, then releases the buffer.
#[inline(always)]
fn on_dmabuf_imp_release(call: &Call<DmabufImpRelease, impl Entered>) {
    task::enter(call);
}

/// `void dma_buf_unmap_attachment(struct dma_buf_attachment *attach, struct sg_table *sg_table, enum dma_data_direction direction)`
#[inline(always)]
fn on_dma_buf_unmap_attachment(call: &Call<DmaBufUnmapAttachment, impl Entered>) {
    task::begin_tentative(call, ATTACHMENT_UNMAP_OP, call.address::<0>());
}

#[inline(always)]
fn on_dma_buf_unmap_attachment_return(call: &Return<DmaBufUnmapAttachment, impl Returned>) {
    report(call, 0, buffer_attached_to);
}

/// `void dmabuf_exp_ops_unmap_dma_buf(struct dma_buf_attachment *attach, struct sg_table *sgt, enum dma_data_direction dir)`: does
/// nothing, gntdev unmaps in `dmabuf_exp_ops_detach`.
#[inline(always)]
fn on_dmabuf_exp_ops_unmap_dma_buf(call: &Call<DmabufExpOpsUnmapDmaBuf, impl Entered>) {
    confirm(call, Op::AttachmentUnmap, || buffer_attached_to(call.address::<0>()));
}

/// `void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn on_dma_buf_detach(call: &Call<DmaBufDetach, impl Entered>) {
    task::begin_tentative(call, DETACH_OP, call.address::<0>());
}

#[inline(always)]
fn on_dma_buf_detach_return(call: &Return<DmaBufDetach, impl Returned>) {
    report(call, 0, ledger::dmabuf);
}

/// `void dmabuf_exp_ops_detach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn on_dmabuf_exp_ops_detach(call: &Call<DmabufExpOpsDetach, impl Entered>) {
    confirm(call, Op::Detach, || ledger::dmabuf(call.address::<0>()));
}

/// What is known of the dma-buf behind an attachment.
#[inline(always)]
fn buffer_attached_to(attachment: u64) -> Option<&'static MapInfo> {
    attachment_dmabuf(attachment).and_then(ledger::dmabuf)
}

/// gntdev serves this operation, so it is one of ours; inside another operation it is a stage and needs no confirmation.
#[inline(always)]
fn confirm<H: Row, C>(_: &Call<H, C>, op: Op, buffer: impl Fn() -> Option<&'static MapInfo>) {
    let Some(task) = task::busy() else {
        return loss::count(op.reported_by(), LossKind::Unseen);
    };
    task.events.mark(H::HOOK.id);
    if !task.is(op) {
        return;
    }
    task.confirm();
    if let Some(info) = buffer() {
        task.head_mut().set_map(info);
    }
}

/// A function of dma-buf.c returned: writes the record if that was an operation of its own, and on a buffer of ours.
#[inline(always)]
fn report<H: Row, C>(call: &Return<H, C>, ret: i32, buffer: impl Fn(u64) -> Option<&'static MapInfo>) {
    report_with(call, ret, buffer, |_| {});
}

/// The same, with what `more` adds to it.
#[inline(always)]
fn report_with<H: Row, C>(
    call: &Return<H, C>,
    ret: i32,
    buffer: impl Fn(u64) -> Option<&'static MapInfo>,
    more: impl FnOnce(&mut Task),
) {
    let Some(task) = task::finished(call) else { return };
    // Memory that runs out in dma-buf.c itself: gntdev was never called, so it confirmed nothing.
    let [argument, _] = task.arguments();
    if ret != 0
        && let Some(info) = buffer(argument)
    {
        task.confirm();
        task.head_mut().set_map(info);
    }
    more(task);
    task.emit(call, ret);
}

/// A buffer that gntdev did not export is another driver's.
#[inline(always)]
fn set_buffer_of(task: &mut Task, dmabuf: u64) {
    match ledger::dmabuf(dmabuf) {
        Some(info) => task.head_mut().set_map(info),
        None => task.head_mut().set_buffer(Buffer::Foreign),
    }
}

/// `struct dma_buf *dma_buf_get(int fd)`: an import found its count in order.
#[inline(always)]
fn on_dma_buf_get(_: &Call<DmaBufGet, impl Entered>) {
    if let Some(task) = task::busy_with(Op::Import) {
        task.events.mark(DmaBufGet::HOOK.id);
        task.evidence.add(DESCRIPTOR_LOOKED_UP);
    }
}

#[inline(always)]
fn note_failed_import(error: i32, fact: u32) {
    if error != 0
        && let Some(task) = task::busy_with(Op::Import)
    {
        task.evidence.add(fact);
    }
}
