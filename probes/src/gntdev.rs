//! gntdev itself: its ioctls, mmap and munmap, its close, and the life of its maps.
//!
//! Source: drivers/xen/gntdev.c and drivers/xen/gntdev-dmabuf.c, Linux v6.12; numbers from include/uapi/xen/gntdev.h.

use aya_ebpf::macros::{fentry, fexit};
use aya_ebpf::programs::{FEntryContext, FExitContext};
use grantscope_wire::{Buffer, HookId, Op, Stage};

use crate::fields::{unmap_data, user_u32, vma_pages, vma_private_data};
use crate::ledger::{self, Direction};
use crate::task::{self, Task};

const IOCTL_MAP_GRANT_REF: u32 = 0x18_4700;
const IOCTL_UNMAP_GRANT_REF: u32 = 0x10_4701;
const IOCTL_GRANT_COPY: u32 = 0x10_4708;
const IOCTL_DMABUF_EXP_FROM_REFS: u32 = 0x14_4709;
const IOCTL_DMABUF_EXP_WAIT_RELEASED: u32 = 0x08_470a;
const IOCTL_DMABUF_IMP_TO_REFS: u32 = 0x14_470b;
const IOCTL_DMABUF_IMP_RELEASE: u32 = 0x08_470c;

const DMA_FLAG_WC: u32 = 1;
const DMA_FLAG_COHERENT: u32 = 2;

/// `long gntdev_ioctl(struct file *flip, unsigned int cmd, unsigned long arg)`
#[fentry(function = "gntdev_ioctl")]
fn gntdev_ioctl_entry(ctx: FEntryContext) -> i32 {
    if let Some((op, stage)) = operation(ctx.arg(1)) {
        task::begin(op, HookId::GntdevIoctl, stage);
    }
    0
}

#[fexit(function = "gntdev_ioctl")]
fn gntdev_ioctl_exit(ctx: FExitContext) -> i32 {
    if operation(ctx.arg(1)).is_none() {
        return 0;
    }
    if let Some(task) = task::operation_finished(HookId::GntdevIoctl) {
        let ret = ctx.arg::<i64>(3) as i32;
        add_arguments(task, ctx.arg(0), ctx.arg(2), ret);
        task.emit(HookId::GntdevIoctl, ret);
    }
    0
}

/// What an ioctl is, and the stage it begins in; `None`: it neither maps nor unmaps anything.
#[inline(always)]
fn operation(command: u32) -> Option<(Op, Stage)> {
    Some(match command {
        IOCTL_MAP_GRANT_REF => (Op::Map, Stage::ArgumentCopy),
        IOCTL_UNMAP_GRANT_REF => (Op::Unmap, Stage::Remainder),
        IOCTL_GRANT_COPY => (Op::Copy, Stage::Remainder),
        IOCTL_DMABUF_EXP_FROM_REFS => (Op::Export, Stage::ArgumentCopy),
        IOCTL_DMABUF_EXP_WAIT_RELEASED => (Op::WaitReleased, Stage::Wait),
        IOCTL_DMABUF_IMP_TO_REFS => (Op::Import, Stage::ArgumentCopy),
        IOCTL_DMABUF_IMP_RELEASE => (Op::ImportRelease, Stage::Remainder),
        _ => return None,
    })
}

/// Reads from the ioctl's argument what no hook inside could tell.
#[inline(always)]
fn add_arguments(task: &mut Task, file: u64, argument: u64, ret: i32) {
    const MAP: u8 = Op::Map.id();
    const UNMAP: u8 = Op::Unmap.id();
    const COPY: u8 = Op::Copy.id();
    const EXPORT: u8 = Op::Export.id();
    const WAIT_RELEASED: u8 = Op::WaitReleased.id();
    const IMPORT: u8 = Op::Import.id();
    const IMPORT_RELEASE: u8 = Op::ImportRelease.id();
    match task.op() {
        MAP => {
            task.set_buffer(Buffer::Pages);
            add_pages(task, user_u32(argument, 0));
            add_domid(task, user_u32(argument, 16));
        }
        UNMAP => {
            task.set_buffer(Buffer::Pages);
            add_pages(task, user_u32(argument, 8));
        }
        COPY => {
            task.set_buffer(Buffer::Pages);
            add_pages(task, user_u32(argument, 0));
        }
        EXPORT => add_export(task, file, argument, ret),
        IMPORT => add_import(task, file, argument, ret),
        WAIT_RELEASED => add_descriptor(task, file, argument, ret, Direction::Exported),
        IMPORT_RELEASE => add_descriptor(task, file, argument, ret, Direction::Imported),
        _ => {}
    }
}

#[inline(always)]
fn add_pages(task: &mut Task, count: Option<u32>) {
    if let (false, Some(count)) = (task.knows_pages(), count) {
        task.set_pages(count);
    }
}

#[inline(always)]
fn add_domid(task: &mut Task, domid: Option<u32>) {
    if let Some(domid) = domid {
        task.set_domid(domid);
    }
}

#[inline(always)]
fn add_export(task: &mut Task, file: u64, argument: u64, ret: i32) {
    add_pages(task, user_u32(argument, 4));
    add_domid(task, user_u32(argument, 12));
    if let (false, Some(flags)) = (task.knows_buffer(), user_u32(argument, 0)) {
        add_buffer(task, flags);
    }
    if let (0, Some(fd)) = (ret, user_u32(argument, 8)) {
        ledger::remember_descriptor(file, fd, Direction::Exported, &task.map_info());
    }
}

#[inline(always)]
fn add_import(task: &mut Task, file: u64, argument: u64, ret: i32) {
    add_pages(task, user_u32(argument, 4));
    add_domid(task, user_u32(argument, 8));
    if let (0, Some(fd)) = (ret, user_u32(argument, 0)) {
        ledger::remember_descriptor(file, fd, Direction::Imported, &task.map_info());
    }
}

#[inline(always)]
fn add_descriptor(task: &mut Task, file: u64, argument: u64, ret: i32, direction: Direction) {
    // The kernel has no buffer of this number (any more): what we remember under it is another one.
    const ENOENT: i32 = 2;
    if ret == -ENOENT {
        return;
    }
    let Some(fd) = user_u32(argument, 0) else { return };
    if let Some(info) = ledger::descriptor(file, fd, direction) {
        task.set_map(info);
    }
}

/// Both flags at once are refused by the kernel: then there is no kind to tell.
#[inline(always)]
fn add_buffer(task: &mut Task, dma_flags: u32) {
    match dma_flags & (DMA_FLAG_WC | DMA_FLAG_COHERENT) {
        0 => task.set_buffer(Buffer::Pages),
        DMA_FLAG_WC => task.set_buffer(Buffer::Wc),
        DMA_FLAG_COHERENT => task.set_buffer(Buffer::Coherent),
        _ => {}
    }
}

/// `struct gntdev_grant_map *gntdev_alloc_map(struct gntdev_priv *priv, int count, int dma_flags)`
#[fentry(function = "gntdev_alloc_map")]
fn gntdev_alloc_map_entry(ctx: FEntryContext) -> i32 {
    if let Some(task) = task::busy() {
        task.set_pages(ctx.arg(1));
        add_buffer(task, ctx.arg(2));
    }
    task::enter(HookId::GntdevAllocMap, Stage::PageArrayAlloc);
    0
}

#[fexit(function = "gntdev_alloc_map")]
fn gntdev_alloc_map_exit(ctx: FExitContext) -> i32 {
    task::leave(HookId::GntdevAllocMap);
    let map = ctx.arg::<u64>(3);
    let Some(task) = task::busy() else { return 0 };
    if map != 0 {
        task.set_generation(task.mark_ns());
        ledger::remember_map(map, &task.map_info());
    }
    // A map copies the references now; an export has done so before, and goes on.
    if task.is(Op::Export) {
        task.switch(Stage::Remainder);
    }
    0
}

/// `void gntdev_add_map(struct gntdev_priv *priv, struct gntdev_grant_map *add)`
#[fentry(function = "gntdev_add_map")]
fn gntdev_add_map_entry(_ctx: FEntryContext) -> i32 {
    if let Some(task) = task::busy() {
        task.switch(Stage::Remainder);
    }
    0
}

/// `int gntdev_map_grant_pages(struct gntdev_grant_map *map)`
#[fentry(function = "gntdev_map_grant_pages")]
fn gntdev_map_grant_pages_entry(ctx: FEntryContext) -> i32 {
    if let (Some(task), Some(info)) = (task::busy(), ledger::map(ctx.arg(0))) {
        task.set_map(info);
    }
    0
}

/// `void gntdev_free_map(struct gntdev_grant_map *map)`
#[fentry(function = "gntdev_free_map")]
fn gntdev_free_map_entry(ctx: FEntryContext) -> i32 {
    let map = ctx.arg::<u64>(0);
    torn_down(map);
    // On entry: once it is freed, the next map may have this address.
    ledger::forget_map(map);
    task::enter(HookId::GntdevFreeMap, Stage::PageArrayFree);
    0
}

#[fexit(function = "gntdev_free_map")]
fn gntdev_free_map_exit(_ctx: FExitContext) -> i32 {
    task::leave(HookId::GntdevFreeMap);
    0
}

/// `void gnttab_unmap_refs_async(struct gntab_unmap_queue_data *item)`; gntdev's item carries its map (gntdev.c:404).
#[fentry(function = "gnttab_unmap_refs_async")]
fn gnttab_unmap_refs_async_entry(ctx: FEntryContext) -> i32 {
    if let Some(map) = unmap_data(ctx.arg(0)) {
        torn_down(map);
    }
    0
}

/// The operation that takes a map down is about that map; a close takes down many, and is about none.
#[inline(always)]
fn torn_down(map: u64) {
    let Some(task) = task::busy() else { return };
    if !(task.is(Op::Unmap) || task.is(Op::Release)) {
        return;
    }
    if let Some(info) = ledger::map(map) {
        task.set_map(info);
    }
}

/// `int gntdev_mmap(struct file *flip, struct vm_area_struct *vma)`
#[fentry(function = "gntdev_mmap")]
fn gntdev_mmap_entry(_ctx: FEntryContext) -> i32 {
    task::begin(Op::Mmap, HookId::GntdevMmap, Stage::Remainder);
    0
}

#[fexit(function = "gntdev_mmap")]
fn gntdev_mmap_exit(ctx: FExitContext) -> i32 {
    if let Some(task) = task::operation_finished(HookId::GntdevMmap) {
        task.set_buffer(Buffer::Pages);
        if !task.knows_pages() {
            add_pages(task, vma_pages(ctx.arg(1)));
        }
        task.emit(HookId::GntdevMmap, ctx.arg(2));
    }
    0
}

/// `munmap(2)`. Most calls have nothing to do with us: only `gntdev_vma_close` inside tells.
#[fentry(function = "__arm64_sys_munmap")]
fn sys_munmap_entry(_ctx: FEntryContext) -> i32 {
    task::begin_tentative(Op::Munmap, HookId::SysMunmap, Stage::Remainder);
    0
}

#[fexit(function = "__arm64_sys_munmap")]
fn sys_munmap_exit(ctx: FExitContext) -> i32 {
    if let Some(task) = task::finished(HookId::SysMunmap) {
        task.emit(HookId::SysMunmap, ctx.arg::<i64>(1) as i32);
    }
    0
}

/// `void gntdev_vma_close(struct vm_area_struct *vma)`; `vm_private_data` is the map.
#[fentry(function = "gntdev_vma_close")]
fn gntdev_vma_close_entry(ctx: FEntryContext) -> i32 {
    let Some(task) = task::busy() else { return 0 };
    if !task.is(Op::Munmap) {
        return 0;
    }
    task.confirm();
    let vma = ctx.arg::<u64>(0);
    match vma_private_data(vma).and_then(ledger::map) {
        Some(info) => task.set_map(info),
        None => add_pages(task, vma_pages(vma)),
    }
    task.set_buffer(Buffer::Pages);
    task.switch(Stage::VmaClose);
    0
}

/// `int gntdev_release(struct inode *inode, struct file *flip)`
#[fentry(function = "gntdev_release")]
fn gntdev_release_entry(_ctx: FEntryContext) -> i32 {
    task::begin(Op::Close, HookId::GntdevRelease, Stage::Remainder);
    0
}

#[fexit(function = "gntdev_release")]
fn gntdev_release_exit(ctx: FExitContext) -> i32 {
    if let Some(task) = task::operation_finished(HookId::GntdevRelease) {
        task.emit(HookId::GntdevRelease, ctx.arg(2));
    }
    0
}
