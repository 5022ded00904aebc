//! dma-bufs: exporting them, their importers, and their end.
//!
//! Source: drivers/dma-buf/dma-buf.c and drivers/xen/gntdev-dmabuf.c, Linux v6.12. The functions of dma-buf.c serve all drivers:
//! on their own they begin an operation only tentatively, and gntdev's own `dma_buf_ops` confirm it.

use aya_ebpf::macros::{fentry, fexit};
use aya_ebpf::programs::{FEntryContext, FExitContext};
use grantscope_wire::{Buffer, HookId, Op, Stage};

use crate::fields::pointer_error;
use crate::ledger;
use crate::task::{self, Task};

/// `struct dma_buf *dma_buf_export(const struct dma_buf_export_info *exp_info)`
#[fentry(function = "dma_buf_export")]
fn dma_buf_export_entry(_ctx: FEntryContext) -> i32 {
    task::enter(HookId::DmaBufExport, Stage::DmabufExport);
    0
}

#[fexit(function = "dma_buf_export")]
fn dma_buf_export_exit(ctx: FExitContext) -> i32 {
    task::leave(HookId::DmaBufExport);
    // `ret`, not an argument after the last: the verifier lets no one look for an errno in a pointer that it knows as one.
    let Ok(dmabuf) = ctx.ret::<u64>() else { return 0 };
    if pointer_error(dmabuf) != 0 {
        return 0;
    }
    if let Some(task) = task::busy().filter(|task| task.is(Op::Export)) {
        ledger::remember_dmabuf(dmabuf, &task.map_info());
    }
    0
}

/// `void dmabuf_exp_ops_release(struct dma_buf *dma_buf)`
#[fentry(function = "dmabuf_exp_ops_release")]
fn dmabuf_exp_ops_release_entry(ctx: FEntryContext) -> i32 {
    task::begin(Op::Release, HookId::DmabufExpOpsRelease, Stage::Remainder);
    let dmabuf = ctx.arg::<u64>(0);
    if let (Some(task), Some(info)) = (task::busy(), ledger::dmabuf(dmabuf))
        && task.is(Op::Release)
    {
        task.set_map(info);
    }
    ledger::forget_dmabuf(dmabuf);
    0
}

#[fexit(function = "dmabuf_exp_ops_release")]
fn dmabuf_exp_ops_release_exit(_ctx: FExitContext) -> i32 {
    if let Some(task) = task::operation_finished(HookId::DmabufExpOpsRelease) {
        task.emit(HookId::DmabufExpOpsRelease, 0);
    }
    0
}

/// `struct dma_buf_attachment *dma_buf_dynamic_attach(struct dma_buf *dmabuf, dev, importer_ops, importer_priv)`
#[fentry(function = "dma_buf_dynamic_attach")]
fn dma_buf_dynamic_attach_entry(ctx: FEntryContext) -> i32 {
    // An import of gntdev's own: no one else tells whose buffer it is.
    if let Some(task) = task::busy().filter(|task| task.is(Op::Import)) {
        set_buffer_of(task, ctx.arg(0));
        task.switch(Stage::Remainder);
    }
    task::begin_tentative(Op::Attach, HookId::DmaBufDynamicAttach, Stage::DmabufAttach);
    0
}

#[fexit(function = "dma_buf_dynamic_attach")]
fn dma_buf_dynamic_attach_exit(ctx: FExitContext) -> i32 {
    if let Some(task) = task::finished(HookId::DmaBufDynamicAttach) {
        task.emit(HookId::DmaBufDynamicAttach, ctx.ret().map_or(0, pointer_error));
    }
    0
}

/// `int dmabuf_exp_ops_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[fentry(function = "dmabuf_exp_ops_attach")]
fn dmabuf_exp_ops_attach_entry(ctx: FEntryContext) -> i32 {
    confirm(Op::Attach, ctx.arg(0));
    0
}

stage_hooks! {
    /// `struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach, enum dma_data_direction direction)`
    "dma_buf_map_attachment", dma_buf_map_attachment_entry, dma_buf_map_attachment_exit, DmaBufMapAttachment, AttachmentMap;
}

/// `int dmabuf_imp_release(struct gntdev_dmabuf_priv *priv, u32 fd)`: revokes first, then lets go of the buffer.
#[fentry(function = "dmabuf_imp_release")]
fn dmabuf_imp_release_entry(_ctx: FEntryContext) -> i32 {
    if let Some(task) = task::busy().filter(|task| task.is(Op::ImportRelease)) {
        task.switch(Stage::GrantRevoke);
    }
    0
}

/// `void dma_buf_unmap_attachment(struct dma_buf_attachment *attach, struct sg_table *sg_table, enum dma_data_direction direction)`
#[fentry(function = "dma_buf_unmap_attachment")]
fn dma_buf_unmap_attachment_entry(_ctx: FEntryContext) -> i32 {
    // The revocation is over: what is left of the import's release is its remainder.
    if let Some(task) = task::busy().filter(|task| task.is(Op::ImportRelease)) {
        task.switch(Stage::Remainder);
    }
    task::enter(HookId::DmaBufUnmapAttachment, Stage::AttachmentUnmap);
    0
}

#[fexit(function = "dma_buf_unmap_attachment")]
fn dma_buf_unmap_attachment_exit(_ctx: FExitContext) -> i32 {
    task::leave(HookId::DmaBufUnmapAttachment);
    0
}

/// `void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)`
#[fentry(function = "dma_buf_detach")]
fn dma_buf_detach_entry(_ctx: FEntryContext) -> i32 {
    task::begin_tentative(Op::Detach, HookId::DmaBufDetach, Stage::DmabufDetach);
    0
}

#[fexit(function = "dma_buf_detach")]
fn dma_buf_detach_exit(_ctx: FExitContext) -> i32 {
    task::leave(HookId::DmaBufDetach);
    0
}

/// `void dmabuf_exp_ops_detach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[fentry(function = "dmabuf_exp_ops_detach")]
fn dmabuf_exp_ops_detach_entry(ctx: FEntryContext) -> i32 {
    confirm(Op::Detach, ctx.arg(0));
    0
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
