//! dma-bufs: exporting them, their importers, and their end.
//!
//! Source: drivers/dma-buf/dma-buf.c and drivers/xen/gntdev-dmabuf.c, Linux v6.12. The functions of dma-buf.c serve all drivers:
//! on their own they begin an operation only tentatively, and gntdev's own `dma_buf_ops` confirm it. For an importer that can
//! follow a moving buffer (`importer_ops`) dma-buf.c maps inside attach and unmaps inside detach, so those are the operations then.

use aya_ebpf::macros::{fentry, fexit};
use aya_ebpf::programs::{FEntryContext, FExitContext};
use grantscope_wire::{Buffer, HookId, LossKind, Op, Stage};

use crate::fields::{attachment_dmabuf, pointer_error};
use crate::ledger::{self, MapInfo};
use crate::loss;
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
    let finished = task::finished(HookId::DmaBufDynamicAttach);
    report(finished, HookId::DmaBufDynamicAttach, ctx.ret().map_or(0, pointer_error), || ledger::dmabuf(ctx.arg(0)));
    0
}

/// `int dmabuf_exp_ops_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[fentry(function = "dmabuf_exp_ops_attach")]
fn dmabuf_exp_ops_attach_entry(ctx: FEntryContext) -> i32 {
    confirm(Op::Attach, || ledger::dmabuf(ctx.arg(0)));
    0
}

/// `struct sg_table *dma_buf_map_attachment(struct dma_buf_attachment *attach, enum dma_data_direction direction)`
#[fentry(function = "dma_buf_map_attachment")]
fn dma_buf_map_attachment_entry(_ctx: FEntryContext) -> i32 {
    task::begin_tentative(Op::AttachmentMap, HookId::DmaBufMapAttachment, Stage::AttachmentMap);
    0
}

#[fexit(function = "dma_buf_map_attachment")]
fn dma_buf_map_attachment_exit(ctx: FExitContext) -> i32 {
    let finished = task::finished(HookId::DmaBufMapAttachment);
    report(finished, HookId::DmaBufMapAttachment, ctx.ret().map_or(0, pointer_error), || buffer_attached_to(ctx.arg(0)));
    0
}

/// `struct sg_table *dmabuf_exp_ops_map_dma_buf(struct dma_buf_attachment *attach, enum dma_data_direction dir)`
#[fentry(function = "dmabuf_exp_ops_map_dma_buf")]
fn dmabuf_exp_ops_map_dma_buf_entry(ctx: FEntryContext) -> i32 {
    confirm(Op::AttachmentMap, || buffer_attached_to(ctx.arg(0)));
    0
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
    task::begin_tentative(Op::AttachmentUnmap, HookId::DmaBufUnmapAttachment, Stage::AttachmentUnmap);
    0
}

#[fexit(function = "dma_buf_unmap_attachment")]
fn dma_buf_unmap_attachment_exit(ctx: FExitContext) -> i32 {
    let finished = task::finished(HookId::DmaBufUnmapAttachment);
    report(finished, HookId::DmaBufUnmapAttachment, 0, || buffer_attached_to(ctx.arg(0)));
    0
}

/// `void dmabuf_exp_ops_unmap_dma_buf(struct dma_buf_attachment *attach, struct sg_table *sgt, enum dma_data_direction dir)`: does
/// nothing, gntdev unmaps in `dmabuf_exp_ops_detach`.
#[fentry(function = "dmabuf_exp_ops_unmap_dma_buf")]
fn dmabuf_exp_ops_unmap_dma_buf_entry(ctx: FEntryContext) -> i32 {
    confirm(Op::AttachmentUnmap, || buffer_attached_to(ctx.arg(0)));
    0
}

/// `void dma_buf_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)`
#[fentry(function = "dma_buf_detach")]
fn dma_buf_detach_entry(_ctx: FEntryContext) -> i32 {
    task::begin_tentative(Op::Detach, HookId::DmaBufDetach, Stage::DmabufDetach);
    0
}

#[fexit(function = "dma_buf_detach")]
fn dma_buf_detach_exit(ctx: FExitContext) -> i32 {
    let finished = task::finished(HookId::DmaBufDetach);
    report(finished, HookId::DmaBufDetach, 0, || ledger::dmabuf(ctx.arg(0)));
    0
}

/// `void dmabuf_exp_ops_detach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)`
#[fentry(function = "dmabuf_exp_ops_detach")]
fn dmabuf_exp_ops_detach_entry(ctx: FEntryContext) -> i32 {
    confirm(Op::Detach, || ledger::dmabuf(ctx.arg(0)));
    0
}

/// What is known of the dma-buf behind an attachment.
#[inline(always)]
fn buffer_attached_to(attachment: u64) -> Option<&'static MapInfo> {
    attachment_dmabuf(attachment).and_then(ledger::dmabuf)
}

/// gntdev serves this operation, so it is one of ours; inside another operation it is a stage and needs no confirmation.
#[inline(always)]
fn confirm(op: Op, buffer: impl Fn() -> Option<&'static MapInfo>) {
    let Some(task) = task::busy().filter(|task| task.is(op)) else { return };
    task.confirm();
    if let Some(info) = buffer() {
        task.set_map(info);
    }
}

/// A function of dma-buf.c returned: writes the record if that was an operation of its own, and on a buffer of ours.
#[inline(always)]
fn report(finished: Option<&'static mut Task>, hook: HookId, ret: i32, buffer: impl Fn() -> Option<&'static MapInfo>) {
    let Some(task) = finished else {
        // Only what is known to be ours is lost: the same function serves everyone else's buffers.
        if task::busy().is_none() && buffer().is_some() {
            loss::count(hook, LossKind::Unseen);
        }
        return;
    };
    // Memory that runs out in dma-buf.c itself: gntdev was never asked, so it confirmed nothing.
    if ret != 0
        && let Some(info) = buffer()
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
