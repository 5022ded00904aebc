//! dma-bufs: exporting them, their importers, and their end.
//!
//! Source: drivers/dma-buf/dma-buf.c and drivers/xen/gntdev-dmabuf.c, Linux v6.12. The functions of dma-buf.c serve all drivers:
//! on their own they begin an operation only tentatively, and gntdev's own `dma_buf_ops` confirm it.

use grantscope_wire::{Buffer, HookId, Op, Stage};

use crate::fields::pointer_error;
use crate::hook::{Entered, Returned};
use crate::ledger;
use crate::task::{self, Task};

hook!(dma_buf_export, |_: &_| task::enter(HookId::DmaBufExport, Stage::DmabufExport), export_returned);
hook!(dmabuf_exp_ops_release, release_entered, release_returned);
hook!(dma_buf_dynamic_attach, attach_entered, attach_returned);
hook!(dmabuf_exp_ops_attach, gntdev_attaches);
hook!(dmabuf_imp_release, grants_are_revoked);
hook!(dma_buf_unmap_attachment, unmap_attachment_entered, |_: &_| task::leave(HookId::DmaBufUnmapAttachment));
hook!(dma_buf_detach, detach_entered, |_: &_| task::leave(HookId::DmaBufDetach));
hook!(dmabuf_exp_ops_detach, gntdev_detaches);

stage_hooks! {
    /// `struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach, enum dma_data_direction direction)`
    dma_buf_map_attachment, DmaBufMapAttachment, AttachmentMap;
}

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
    // An import of gntdev's own: no one else tells whose buffer it is.
    if let Some(task) = task::busy().filter(|task| task.is(Op::Import)) {
        set_buffer_of(task, call.long(0));
        task.switch(Stage::Remainder);
    }
    task::begin_tentative(Op::Attach, HookId::DmaBufDynamicAttach, Stage::DmabufAttach);
}

#[inline(always)]
fn attach_returned(call: &impl Returned) {
    if let Some(task) = task::finished(HookId::DmaBufDynamicAttach) {
        task.emit(HookId::DmaBufDynamicAttach, pointer_error(call.long()));
    }
}

/// `int dmabuf_exp_ops_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn gntdev_attaches(call: &impl Entered) {
    confirm(Op::Attach, call.long(0));
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
fn unmap_attachment_entered(_: &impl Entered) {
    // The revocation is over: what is left of the import's release is its remainder.
    if let Some(task) = task::busy().filter(|task| task.is(Op::ImportRelease)) {
        task.switch(Stage::Remainder);
    }
    task::enter(HookId::DmaBufUnmapAttachment, Stage::AttachmentUnmap);
}

/// `void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn detach_entered(_: &impl Entered) {
    task::begin_tentative(Op::Detach, HookId::DmaBufDetach, Stage::DmabufDetach);
}

/// `void dmabuf_exp_ops_detach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[inline(always)]
fn gntdev_detaches(call: &impl Entered) {
    confirm(Op::Detach, call.long(0));
}

#[inline(always)]
fn confirm(op: Op, dmabuf: u64) {
    let Some(task) = task::busy().filter(|task| task.is(op)) else { return };
    task.confirm();
    if let Some(info) = ledger::dmabuf(dmabuf) {
        task.set_map(info);
    }
}

/// A buffer that gntdev did not export is another driver's.
#[inline(always)]
fn set_buffer_of(task: &mut Task, dmabuf: u64) {
    match ledger::dmabuf(dmabuf) {
        Some(info) => task.set_map(info),
        None => task.set_buffer(Buffer::Foreign),
    }
}
