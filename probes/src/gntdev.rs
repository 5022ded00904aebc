//! gntdev itself: its ioctls, mmap and munmap, its close, and the life of its maps.
//!
//! Source: drivers/xen/gntdev.c and drivers/xen/gntdev-dmabuf.c, Linux v6.12; numbers from include/uapi/xen/gntdev.h.

use grantscope_wire::{Buffer, HookId, Op, Stage};

use self::id::{COPY, EXPORT, IMPORT, IMPORT_RELEASE, MAP, UNMAP, WAIT_RELEASED};
use crate::cause;
use crate::evidence::{COPY_REFUSED, Maps, STATUSES_READ};
use crate::fields::{user_u32, vma_pages, vma_private_data};
use crate::hook::{Entered, Returned};
use crate::ledger::{self, Direction};
use crate::task::{self, Task};

const IOCTL_MAP_GRANT_REF: u32 = 0x18_4700;
const IOCTL_UNMAP_GRANT_REF: u32 = 0x10_4701;
const IOCTL_GRANT_COPY: u32 = 0x10_4708;
const IOCTL_DMABUF_EXP_FROM_REFS: u32 = 0x14_4709;
const IOCTL_DMABUF_EXP_WAIT_RELEASED: u32 = 0x08_470a;
const IOCTL_DMABUF_IMP_TO_REFS: u32 = 0x14_470b;
const IOCTL_DMABUF_IMP_RELEASE: u32 = 0x08_470c;

/// The operations that are ioctls on gntdev, as `Task::op` gives them: a pattern has to be a constant.
pub mod id {
    use grantscope_wire::Op;

    pub const MAP: u8 = Op::Map.id();
    pub const UNMAP: u8 = Op::Unmap.id();
    pub const COPY: u8 = Op::Copy.id();
    pub const EXPORT: u8 = Op::Export.id();
    pub const WAIT_RELEASED: u8 = Op::WaitReleased.id();
    pub const IMPORT: u8 = Op::Import.id();
    pub const IMPORT_RELEASE: u8 = Op::ImportRelease.id();
}

/// `struct ioctl_gntdev_dmabuf_exp_from_refs.domid`
const EXPORT_DOMID: u64 = 12;

const DMA_FLAG_WC: u32 = 1;
const DMA_FLAG_COHERENT: u32 = 2;

hook!(gntdev_ioctl, ioctl_entered, ioctl_returned);
hook!(gntdev_mmap, mmap_entered, mmap_returned);
hook!(sys_munmap, munmap_entered, munmap_returned);
hook!(gntdev_vma_open, vma_opens);
hook!(gntdev_vma_close, vma_closes);
hook!(gntdev_release, release_entered, release_returned);
hook!(gntdev_alloc_map, alloc_map_entered, alloc_map_returned);
hook!(gntdev_add_map, map_is_added);
hook!(gntdev_map_grant_pages, grant_pages_are_mapped);
hook!(gntdev_free_map, free_map_entered, |_: &_| task::leave(HookId::GntdevFreeMap));

/// `long gntdev_ioctl(struct file *flip, unsigned int cmd, unsigned long arg)`
#[inline(always)]
fn ioctl_entered(call: &impl Entered) {
    let arguments = [call.long(0), call.long(2)];
    match operation(call.int(1)) {
        Some((op, stage)) => task::begin_call(op, HookId::GntdevIoctl, stage, arguments),
        None => task::begin_other_call(HookId::GntdevIoctl),
    }
}

#[inline(always)]
fn ioctl_returned(call: &impl Returned) {
    let Some(task) = task::operation_finished(HookId::GntdevIoctl) else { return };
    let ret = call.int();
    let [file, argument] = task.arguments();
    add_arguments(task, file, argument, ret);
    if ret < 0 || task.evidence.has(COPY_REFUSED) {
        cause::of_gntdev_ioctl(task, file, argument, ret);
    }
    task.emit(HookId::GntdevIoctl, ret);
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
    match task.op() {
        MAP => {
            task.set_buffer(Buffer::Pages);
            add_pages(task, user_u32(argument, 0));
            add_domid(task, user_u32(argument, 16));
            if task.has_map() && ret == 0 {
                ledger::tell(task, false);
            }
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
    add_domid(task, user_u32(argument, EXPORT_DOMID));
    if task.has_map() && ret == 0 {
        ledger::tell(task, true);
    }
    if let (false, Some(flags)) = (task.knows_buffer(), user_u32(argument, 0)) {
        add_buffer(task, flags);
    }
    if let (0, Some(fd)) = (ret, user_u32(argument, 8)) {
        ledger::remember_descriptor(file, fd, Direction::Exported, &task.map_info());
    }
}

#[inline(always)]
fn add_import(task: &mut Task, file: u64, argument: u64, ret: i32) {
    // Not the buffer's: that it is another is one of the ways to fail.
    if let Some(count) = user_u32(argument, 4) {
        task.set_pages(count);
    }
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
#[inline(always)]
fn alloc_map_entered(call: &impl Entered) {
    if let Some(task) = task::busy() {
        task.set_pages(call.int(1));
        add_buffer(task, call.int(2));
        // Known before the dma-buf is made, which is remembered with it; a map learns its domain later.
        if task.is(Op::Export) {
            let [_, argument] = task.arguments();
            add_domid(task, user_u32(argument, EXPORT_DOMID));
        }
    }
    task::enter(HookId::GntdevAllocMap, Stage::PageArrayAlloc);
}

#[inline(always)]
fn alloc_map_returned(call: &impl Returned) {
    task::leave(HookId::GntdevAllocMap);
    let map = call.long();
    let Some(task) = task::busy() else { return };
    if map != 0 {
        task.set_generation(task.mark_ns());
        task.set_map_address(map);
        ledger::remember_map(map, &task.map_info());
    }
    // A map copies the references now; an export has done so before, and goes on.
    if task.is(Op::Export) {
        task.switch(Stage::Remainder);
    }
}

/// `void gntdev_add_map(struct gntdev_priv *priv, struct gntdev_grant_map *add)`
#[inline(always)]
fn map_is_added(_: &impl Entered) {
    if let Some(task) = task::busy() {
        task.switch(Stage::Remainder);
    }
}

/// `int gntdev_map_grant_pages(struct gntdev_grant_map *map)`
#[inline(always)]
fn grant_pages_are_mapped(call: &impl Entered) {
    let map = call.long(0);
    let (Some(task), Some(live)) = (task::busy(), ledger::live(map)) else { return };
    task.set_map(&live.info);
    ledger::grants_are_mapped(live);
    if task.is(Op::Mmap) {
        task.set_map_address(map);
        ledger::add_area(live);
    }
}

/// `void gntdev_free_map(struct gntdev_grant_map *map)`
#[inline(always)]
fn free_map_entered(call: &impl Entered) {
    let map = call.long(0);
    torn_down(map);
    export_failed();
    // On entry: once it is freed, the next map may have this address.
    ledger::forget_map(map);
    task::enter(HookId::GntdevFreeMap, Stage::PageArrayFree);
}

/// An export unmaps and frees its map only where it failed: Xen's answers are lost with the map, and what Linux noted in its pages
/// already when they are unmapped. Where no grant was mapped, nothing is unmapped.
#[inline(always)]
pub fn export_failed() {
    if let Some(task) = task::busy().filter(|task| task.is(Op::Export) && task.entered(Stage::MapHypercall))
        && !task.evidence.has(STATUSES_READ)
    {
        task.evidence.read_statuses::<Maps>();
    }
}

/// The operation that takes a map down is about that map; a close takes down many, and is about none.
#[inline(always)]
pub fn torn_down(map: u64) {
    let Some(task) = task::busy_here() else { return };
    if !(task.is(Op::Unmap) || task.is(Op::Release)) {
        return;
    }
    if let Some(info) = ledger::map(map) {
        task.set_map(info);
    }
}

/// `int gntdev_mmap(struct file *flip, struct vm_area_struct *vma)`
#[inline(always)]
fn mmap_entered(call: &impl Entered) {
    task::begin_call(Op::Mmap, HookId::GntdevMmap, Stage::Remainder, [call.long(0), call.long(1)]);
}

#[inline(always)]
fn mmap_returned(call: &impl Returned) {
    let Some(task) = task::operation_finished(HookId::GntdevMmap) else { return };
    if call.int() != 0 {
        no_area_after_all(task);
    }
    task.set_buffer(Buffer::Pages);
    if !task.knows_pages() {
        let [_, vma] = task.arguments();
        add_pages(task, vma_pages(vma));
    }
    let ret = call.int();
    if ret < 0 {
        cause::of_mmap(task, ret);
    }
    task.emit(HookId::GntdevMmap, ret);
}

/// The mmap failed after the grants were mapped. The kernel closes no area then: it never had one.
#[inline(always)]
fn no_area_after_all(task: &Task) {
    if let (map @ 1.., _) = task.map()
        && let Some(live) = ledger::live(map)
    {
        ledger::remove_area(live);
    }
}

/// `munmap(2)`. Most calls have nothing to do with us: only `gntdev_vma_close` inside tells.
#[inline(always)]
fn munmap_entered(_: &impl Entered) {
    task::begin_tentative_call(Op::Munmap, HookId::SysMunmap, Stage::Remainder);
}

#[inline(always)]
fn munmap_returned(call: &impl Returned) {
    if let Some(task) = task::finished(HookId::SysMunmap) {
        task.emit(HookId::SysMunmap, call.int());
    }
}

/// `void gntdev_vma_open(struct vm_area_struct *vma)`: a fork, or a part of an area becomes one of its own.
#[inline(always)]
fn vma_opens(call: &impl Entered) {
    if let Some(live) = vma_private_data(call.long(0)).and_then(ledger::live) {
        ledger::add_area(live);
    }
}

/// `void gntdev_vma_close(struct vm_area_struct *vma)`; `vm_private_data` is the map.
#[inline(always)]
fn vma_closes(call: &impl Entered) {
    let vma = call.long(0);
    let mut live = vma_private_data(vma).and_then(ledger::live);
    // Also where a process ends: that is no munmap.
    if let Some(live) = &mut live {
        ledger::remove_area(live);
    }
    let Some(task) = task::busy().filter(|task| task.is(Op::Munmap)) else { return };
    task.confirm();
    match live {
        Some(live) => task.set_map(&live.info),
        None => add_pages(task, vma_pages(vma)),
    }
    task.set_buffer(Buffer::Pages);
    task.switch(Stage::VmaClose);
}

/// `int gntdev_release(struct inode *inode, struct file *flip)`
#[inline(always)]
fn release_entered(_: &impl Entered) {
    task::begin(Op::Close, HookId::GntdevRelease, Stage::Remainder);
}

#[inline(always)]
fn release_returned(call: &impl Returned) {
    if let Some(task) = task::operation_finished(HookId::GntdevRelease) {
        task.emit(HookId::GntdevRelease, call.int());
    }
}
