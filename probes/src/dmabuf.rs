//! dma-bufs: exporting them, their importers, and their end.
//!
//! Source: drivers/dma-buf/dma-buf.c and drivers/xen/gntdev-dmabuf.c, Linux v6.12. The functions of dma-buf.c serve all drivers:
//! on their own they begin an operation only tentatively, and gntdev's own `dma_buf_ops` confirm it. For an importer that can
//! follow a moving buffer (`importer_ops`) dma-buf.c maps inside attach and unmaps inside detach, so those are the operations then.

use grantscope_wire::{Buffer, HookId, LossKind, Op, Stage};

use crate::evidence::{ATTACH_FAILED, ATTACHMENT_MAP_FAILED, DESCRIPTOR_LOOKED_UP};
use crate::fields::{attachment_dmabuf, pointer_error};
use crate::hook::{Entered, Returned};
use crate::ledger::{self, MapInfo};
use crate::loss;
use crate::task::{self, Task};

hook!(dma_buf_export, |_: &_| task::enter(HookId::DmaBufExport, Stage::DmabufExport), export_returned);
hook!(dma_buf_get, descriptor_is_looked_up);
hook!(dmabuf_exp_ops_release, release_entered, release_returned);
hook!(dma_buf_dynamic_attach, attach_entered, attach_returned);
hook!(dmabuf_exp_ops_attach, gntdev_attaches);
hook!(dma_buf_map_attachment, map_attachment_entered, map_attachment_returned);
hook!(dmabuf_exp_ops_map_dma_buf, gntdev_maps_attachment);
hook!(dmabuf_imp_release, grants_are_revoked);
hook!(dma_buf_unmap_attachment, unmap_attachment_entered, unmap_attachment_returned);
hook!(dmabuf_exp_ops_unmap_dma_buf, gntdev_unmaps_attachment);
hook!(dma_buf_detach, detach_entered, detach_returned);
hook!(dmabuf_exp_ops_detach, gntdev_detaches);

/// `struct dma_buf *dma_buf_export(const struct dma_buf_export_info *exp_info)`
#[inline(always)]
fn export_returned(call: &impl Returned) {
    task::leave(HookId::DmaBufExport);
    let dmabuf = call.long();
    if pointer_error(dmabuf) != 0 {
        return;
    }
    if let Some(task) = task::busy().filter(|task| task.is(Op::Export)) {
        ledger::remember_dmabuf(dmabuf, &task.map_info());
    }
}

/// `void dmabuf_exp_ops_release(struct dma_buf *dma_buf)`
#[inline(always)]
fn release_entered(call: &impl Entered) {
    task::begin(Op::Release, HookId::DmabufExpOpsRelease, Stage::Remainder);
    let dmabuf = call.long(0);
    if let (Some(task), Some(info)) = (task::busy(), ledger::dmabuf(dmabuf))
        && task.is(Op::Release)
    {
        task.set_map(info);
    }
    ledger::forget_dmabuf(dmabuf);
}

#[inline(always)]
fn release_returned(_: &impl Returned) {
    if let Some(task) = task::operation_finished(HookId::DmabufExpOpsRelease) {
        task.emit(HookId::DmabufExpOpsRelease, 0);
    }
}

/// `struct dma_buf_attachment *dma_buf_dynamic_attach(struct dma_buf *dmabuf, dev, importer_ops, importer_priv)`
#[inline(always)]
fn attach_entered(call: &impl Entered) {
    let dmabuf = call.long(0);
    // An import of gntdev's own: no one else tells whose buffer it is.
    if let Some(task) = task::busy().filter(|task| task.is(Op::Import)) {
        set_buffer_of(task, dmabuf);
        task.evidence.dmabuf = dmabuf;
        task.switch(Stage::Remainder);
    }
    task::begin_tentative(Op::Attach, HookId::DmaBufDynamicAttach, Stage::DmabufAttach, dmabuf);
}

#[inline(always)]
fn attach_returned(call: &impl Returned) {
    let error = pointer_error(call.long());
    report(HookId::DmaBufDynamicAttach, error, ledger::dmabuf);
    note_failed_import(error, ATTACH_FAILED);
}

/// `int dmabuf_exp_ops_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn gntdev_attaches(call: &impl Entered) {
    confirm(Op::Attach, HookId::DmaBufDynamicAttach, || ledger::dmabuf(call.long(0)));
}

/// `struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach, enum dma_data_direction direction)`
#[inline(always)]
fn map_attachment_entered(call: &impl Entered) {
    task::begin_tentative(Op::AttachmentMap, HookId::DmaBufMapAttachment, Stage::AttachmentMap, call.long(0));
}

#[inline(always)]
fn map_attachment_returned(call: &impl Returned) {
    let error = pointer_error(call.long());
    report(HookId::DmaBufMapAttachment, error, buffer_attached_to);
    note_failed_import(error, ATTACHMENT_MAP_FAILED);
}

/// `struct sg_table *dmabuf_exp_ops_map_dma_buf(struct dma_buf_attachment *attach, enum dma_data_direction dir)`
#[inline(always)]
fn gntdev_maps_attachment(call: &impl Entered) {
    confirm(Op::AttachmentMap, HookId::DmaBufMapAttachment, || buffer_attached_to(call.long(0)));
}

/// `int dmabuf_imp_release(struct gntdev_dmabuf_priv *priv, u32 fd)`: revokes first, then lets go of the buffer.
#[inline(always)]
fn grants_are_revoked(_: &impl Entered) {
    if let Some(task) = task::busy().filter(|task| task.is(Op::ImportRelease)) {
        task.switch(Stage::GrantRevoke);
    }
}

/// `void dma_buf_unmap_attachment(struct dma_buf_attachment *attach, struct sg_table *sg_table, enum dma_data_direction direction)`
#[inline(always)]
fn unmap_attachment_entered(call: &impl Entered) {
    // The revocation is over: what is left of the import's release is its remainder.
    if let Some(task) = task::busy().filter(|task| task.is(Op::ImportRelease)) {
        task.switch(Stage::Remainder);
    }
    task::begin_tentative(Op::AttachmentUnmap, HookId::DmaBufUnmapAttachment, Stage::AttachmentUnmap, call.long(0));
}

#[inline(always)]
fn unmap_attachment_returned(_: &impl Returned) {
    report(HookId::DmaBufUnmapAttachment, 0, buffer_attached_to);
}

/// `void dmabuf_exp_ops_unmap_dma_buf(struct dma_buf_attachment *attach, struct sg_table *sgt, enum dma_data_direction dir)`: does
/// nothing, gntdev unmaps in `dmabuf_exp_ops_detach`.
#[inline(always)]
fn gntdev_unmaps_attachment(call: &impl Entered) {
    confirm(Op::AttachmentUnmap, HookId::DmaBufUnmapAttachment, || buffer_attached_to(call.long(0)));
}

/// `void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn detach_entered(call: &impl Entered) {
    task::begin_tentative(Op::Detach, HookId::DmaBufDetach, Stage::DmabufDetach, call.long(0));
}

#[inline(always)]
fn detach_returned(_: &impl Returned) {
    report(HookId::DmaBufDetach, 0, ledger::dmabuf);
}

/// `void dmabuf_exp_ops_detach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn gntdev_detaches(call: &impl Entered) {
    confirm(Op::Detach, HookId::DmaBufDetach, || ledger::dmabuf(call.long(0)));
}

/// What is known of the dma-buf behind an attachment.
#[inline(always)]
fn buffer_attached_to(attachment: u64) -> Option<&'static MapInfo> {
    attachment_dmabuf(attachment).and_then(ledger::dmabuf)
}

/// gntdev serves this operation, so it is one of ours; inside another operation it is a stage and needs no confirmation.
#[inline(always)]
fn confirm(op: Op, begun_by: HookId, buffer: impl Fn() -> Option<&'static MapInfo>) {
    let Some(task) = task::busy() else {
        return loss::count(begun_by, LossKind::Unseen);
    };
    if !task.is(op) {
        return;
    }
    task.confirm();
    if let Some(info) = buffer() {
        task.set_map(info);
    }
}

/// A function of dma-buf.c returned: writes the record if that was an operation of its own, and on a buffer of ours.
#[inline(always)]
fn report(hook: HookId, ret: i32, buffer: impl Fn(u64) -> Option<&'static MapInfo>) {
    let Some(task) = task::finished(hook) else { return };
    // Memory that runs out in dma-buf.c itself: gntdev was never asked, so it confirmed nothing.
    let [argument, _] = task.arguments();
    if ret != 0
        && let Some(info) = buffer(argument)
    {
        task.confirm();
        task.set_map(info);
    }
    task.emit(hook, ret);
}

/// A buffer that gntdev did not export is another driver's.
#[inline(always)]
fn set_buffer_of(task: &mut Task, dmabuf: u64) {
    match ledger::dmabuf(dmabuf) {
        Some(info) => task.set_map(info),
        None => task.set_buffer(Buffer::Foreign),
    }
}

/// `struct dma_buf *dma_buf_get(int fd)`: an import found its count in order.
#[inline(always)]
fn descriptor_is_looked_up(_: &impl Entered) {
    if let Some(task) = task::busy().filter(|task| task.is(Op::Import)) {
        task.evidence.add(DESCRIPTOR_LOOKED_UP);
    }
}

#[inline(always)]
fn note_failed_import(error: i32, fact: u32) {
    if error != 0
        && let Some(task) = task::busy().filter(|task| task.is(Op::Import))
    {
        task.evidence.add(fact);
    }
}
