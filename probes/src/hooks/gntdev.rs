//! gntdev itself: its ioctls, mmap and munmap, its close, and the life of its maps.
//!
//! Source: drivers/xen/gntdev.c and drivers/xen/gntdev-dmabuf.c, Linux v6.12; numbers from include/uapi/xen/gntdev.h.

use grantscope_wire::hook::rows::{
    GntdevAllocMap, GntdevFreeMap, GntdevIoctl, GntdevMmap, GntdevRelease, GntdevVmaClose, GntdevVmaOpen, SysMunmap,
};
use grantscope_wire::{Buffer, HookId, Op, OpAt, Row};

use super::teardown;
use crate::call::{Call, Entered, Return, Returned};
use crate::kernel::fields::{at, user, user_u32, vma_pages, vma_private_data};
use crate::live::ledger::{self, Direction};
use crate::op::cause;
use crate::op::events::now_ns;
use crate::op::evidence::COPY_REFUSED;
use crate::op::ioctl::{COPY, EXPORT, IMPORT, IMPORT_RELEASE, MAP, UNMAP, WAIT_RELEASED};
use crate::op::task::{self, Task};

const IOCTL_MAP_GRANT_REF: u32 = 0x18_4700;
const IOCTL_UNMAP_GRANT_REF: u32 = 0x10_4701;
const IOCTL_GRANT_COPY: u32 = 0x10_4708;
const IOCTL_DMABUF_EXP_FROM_REFS: u32 = 0x14_4709;
const IOCTL_DMABUF_EXP_WAIT_RELEASED: u32 = 0x08_470a;
const IOCTL_DMABUF_IMP_TO_REFS: u32 = 0x14_470b;
const IOCTL_DMABUF_IMP_RELEASE: u32 = 0x08_470c;

/// `struct ioctl_gntdev_dmabuf_exp_from_refs.count`
const EXPORT_COUNT: u64 = 4;

const DMA_FLAG_WC: u32 = 1;
const DMA_FLAG_COHERENT: u32 = 2;

const MMAP_OP: OpAt<GntdevMmap> = OpAt::new(Op::Mmap);
const MUNMAP_OP: OpAt<SysMunmap> = OpAt::new(Op::Munmap);
const CLOSE_OP: OpAt<GntdevRelease> = OpAt::new(Op::Close);

hook!(GntdevIoctl, on_gntdev_ioctl, on_gntdev_ioctl_return);
hook!(GntdevMmap, on_gntdev_mmap, on_gntdev_mmap_return);
hook!(SysMunmap, on_sys_munmap, on_sys_munmap_return);
hook!(GntdevVmaOpen, on_gntdev_vma_open);
hook!(GntdevVmaClose, on_gntdev_vma_close);
hook!(GntdevRelease, on_gntdev_release, on_gntdev_release_return);
hook!(GntdevAllocMap, task::enter, on_gntdev_alloc_map_return);
hook!(GntdevAddMap, task::enter);
hook!(GntdevFreeMap, on_gntdev_free_map, |call: &_| drop(task::leave(call)));

/// `long gntdev_ioctl(struct file *flip, unsigned int cmd, unsigned long arg)`
#[inline(always)]
fn on_gntdev_ioctl(call: &Call<GntdevIoctl, impl Entered>) {
    let arguments = [call.pointer::<0>(), call.long::<2>()];
    match operation(call.int::<1>()) {
        Some(op) => task::begin_call(call, op, arguments),
        None => task::begin_other_call(call),
    }
}

#[inline(always)]
fn on_gntdev_ioctl_return(call: &Return<GntdevIoctl, impl Returned>) {
    let Some(task) = task::operation_finished(call) else { return };
    let ret = call.int();
    let [file, argument] = task.arguments();
    add_arguments(task, file, argument, ret);
    if ret < 0 || task.evidence.has(COPY_REFUSED) {
        cause::of_gntdev_ioctl(task, ret);
    }
    task.emit(call, ret);
}

/// What an ioctl is; `None`: it neither maps nor unmaps anything.
#[inline(always)]
fn operation(command: u32) -> Option<OpAt<GntdevIoctl>> {
    Some(match command {
        IOCTL_MAP_GRANT_REF => const { OpAt::new(Op::Map) },
        IOCTL_UNMAP_GRANT_REF => const { OpAt::new(Op::Unmap) },
        IOCTL_GRANT_COPY => const { OpAt::new(Op::Copy) },
        IOCTL_DMABUF_EXP_FROM_REFS => const { OpAt::new(Op::Export) },
        IOCTL_DMABUF_EXP_WAIT_RELEASED => const { OpAt::new(Op::WaitReleased) },
        IOCTL_DMABUF_IMP_TO_REFS => const { OpAt::new(Op::Import) },
        IOCTL_DMABUF_IMP_RELEASE => const { OpAt::new(Op::ImportRelease) },
        _ => return None,
    })
}

/// Reads from the ioctl's argument what no hook inside sees.
#[inline(always)]
fn add_arguments(task: &mut Task, file: u64, argument: u64, ret: i32) {
    match task.head().op {
        MAP => {
            task.head_mut().set_buffer(Buffer::Pages);
            add_pages(task, argument, 0);
            add_domid(task, user_u32(argument, 16));
            if task.has_map() && ret == 0 {
                ledger::set_granted(task.map(), task.head(), false);
            }
        }
        UNMAP => {
            task.head_mut().set_buffer(Buffer::Pages);
            add_pages(task, argument, 8);
        }
        COPY => {
            task.head_mut().set_buffer(Buffer::Pages);
            add_pages(task, argument, 0);
        }
        EXPORT => add_export(task, file, argument, ret),
        IMPORT => add_import(task, file, argument, ret),
        WAIT_RELEASED => add_descriptor(task, file, argument, ret, Direction::Exported),
        IMPORT_RELEASE => add_descriptor(task, file, argument, ret, Direction::Imported),
        _ => {}
    }
}

/// Where no hook inside has shown it.
#[inline(always)]
fn add_pages(task: &mut Task, argument: u64, offset: u64) {
    if !task.head().knows_pages()
        && let Some(count) = user_u32(argument, offset)
    {
        task.head_mut().set_pages(count);
    }
}

#[inline(always)]
fn add_pages_of_vma(task: &mut Task, vma: u64) {
    if !task.head().knows_pages()
        && let Some(pages) = vma_pages(vma)
    {
        task.head_mut().set_pages(pages);
    }
}

#[inline(always)]
fn add_domid(task: &mut Task, domid: Option<u32>) {
    if let Some(domid) = domid {
        task.head_mut().set_domid(domid);
    }
}

#[inline(always)]
fn add_export(task: &mut Task, file: u64, argument: u64, ret: i32) {
    // struct ioctl_gntdev_dmabuf_exp_from_refs: u32 flags, count, fd, domid.
    let Some([flags, count, fd, domid]) = user::<[u32; 4]>(argument) else { return };
    if !task.has_map() {
        // Refused before anything was allocated.
        if !task.head().knows_pages() {
            task.head_mut().set_pages(count);
        }
        if !task.head().knows_buffer() {
            add_buffer(task, flags);
        }
    }
    task.head_mut().set_domid(domid);
    if ret == 0 {
        ledger::set_granted(task.map(), task.head(), true);
        ledger::set_dmabuf_domid(task.evidence.dmabuf, domid as u16);
        ledger::remember_descriptor(file, fd, Direction::Exported, &task.head().map_info());
    }
}

#[inline(always)]
fn add_import(task: &mut Task, file: u64, argument: u64, ret: i32) {
    // Not the buffer's: that it is another is one of the ways to fail.
    if let Some(count) = user_u32(argument, 4) {
        task.head_mut().set_pages(count);
    }
    add_domid(task, user_u32(argument, 8));
    if let (0, Some(fd)) = (ret, user_u32(argument, 0)) {
        ledger::remember_descriptor(file, fd, Direction::Imported, &task.head().map_info());
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
        task.head_mut().set_map(info);
    }
}

/// The kernel refuses both flags at once: then the buffer has no kind.
#[inline(always)]
fn add_buffer(task: &mut Task, dma_flags: u32) {
    match dma_flags & (DMA_FLAG_WC | DMA_FLAG_COHERENT) {
        0 => task.head_mut().set_buffer(Buffer::Pages),
        DMA_FLAG_WC => task.head_mut().set_buffer(Buffer::Wc),
        DMA_FLAG_COHERENT => task.head_mut().set_buffer(Buffer::Coherent),
        _ => {}
    }
}

/// `struct gntdev_grant_map *gntdev_alloc_map(struct gntdev_priv *priv, int count, int dma_flags)`
#[inline(always)]
fn on_gntdev_alloc_map_return(call: &Return<GntdevAllocMap, impl Returned>) {
    let now = now_ns();
    let Some(task) = task::busy() else { return };
    task.events.leave(GntdevAllocMap::HOOK.id, now);
    let [_, argument] = task.arguments();
    let is_export = task.is(Op::Export);
    if let Some(count) = call.int_argument::<1>().or_else(|| user_u32(argument, if is_export { EXPORT_COUNT } else { 0 })) {
        task.head_mut().set_pages(count);
    }
    if let Some(flags) = call.int_argument::<2>().or_else(|| if is_export { user_u32(argument, 0) } else { Some(0) }) {
        add_buffer(task, flags);
    }
    let map = call.pointer();
    if map != 0 {
        task.head_mut().map_generation_ns = now;
        task.set_map_address(map);
        ledger::remember_map(map, &task.head().map_info());
    }
}

/// `void gntdev_free_map(struct gntdev_grant_map *map)`
#[inline(always)]
fn on_gntdev_free_map(call: &Call<GntdevFreeMap, impl Entered>) {
    let map = call.address::<0>();
    let task = task::busy_here();
    // What was unmapped before has said so already, unless it was never mapped.
    if let Some(task) = task
        && !task.passed(HookId::GnttabUnmapRefs)
    {
        teardown::is_torn_down(task, ledger::map(map));
    }
    // On entry: once it is freed, the next map may have this address.
    ledger::forget_map(map);
    task::enter(call);
}

/// `int gntdev_mmap(struct file *flip, struct vm_area_struct *vma)`
#[inline(always)]
fn on_gntdev_mmap(call: &Call<GntdevMmap, impl Entered>) {
    task::begin_call(call, MMAP_OP, [call.pointer::<0>(), call.pointer::<1>()]);
}

#[inline(always)]
fn on_gntdev_mmap_return(call: &Return<GntdevMmap, impl Returned>) {
    let Some(task) = task::operation_finished(call) else { return };
    let ret = call.int();
    let [_, vma] = task.arguments();
    let map = call.load::<1, _>(at::vma_private_data).or_else(|| vma_private_data(vma)).unwrap_or(0);
    // A map that was mapped before is not this call's.
    if (ret == 0 || task.passed(HookId::GnttabMapRefs))
        && let Some(live) = ledger::live(map)
    {
        task.head_mut().set_map(&live.info);
        ledger::grants_are_mapped(live);
        // The kernel closes no VMA where it failed: it never inserted one.
        if ret == 0 {
            ledger::add_vma(live);
        }
    }
    task.head_mut().set_buffer(Buffer::Pages);
    add_pages_of_vma(task, vma);
    if ret < 0 {
        cause::of_mmap(task, ret);
    }
    task.emit(call, ret);
}

/// `munmap(2)`. Most calls have nothing to do with us: only `gntdev_vma_close` inside shows which do.
#[inline(always)]
fn on_sys_munmap(call: &Call<SysMunmap, impl Entered>) {
    task::begin_tentative_call(call, MUNMAP_OP);
}

#[inline(always)]
fn on_sys_munmap_return(call: &Return<SysMunmap, impl Returned>) {
    if let Some(task) = task::confirmed_finished(call) {
        task.emit(call, call.int());
    }
}

/// `void gntdev_vma_open(struct vm_area_struct *vma)`: a fork, or a part of a VMA becomes one of its own.
#[inline(always)]
fn on_gntdev_vma_open(call: &Call<GntdevVmaOpen, impl Entered>) {
    if let Some(live) = vma_private_data(call.pointer::<0>()).and_then(ledger::live) {
        ledger::add_vma(live);
    }
    if let Some(task) = task::busy_with(Op::Munmap) {
        task.events.mark(GntdevVmaOpen::HOOK.id);
    }
}

/// `void gntdev_vma_close(struct vm_area_struct *vma)`; `vm_private_data` is the map.
#[inline(always)]
fn on_gntdev_vma_close(call: &Call<GntdevVmaClose, impl Entered>) {
    let vma = call.pointer::<0>();
    let mut live = call.load(at::vma_private_data(vma)).and_then(ledger::live);
    // Also where a process ends: that is no munmap.
    if let Some(live) = &mut live {
        ledger::remove_vma(live);
    }
    let Some(task) = task::busy_with(Op::Munmap) else { return };
    task.confirm();
    match live {
        Some(live) => task.head_mut().set_map(&live.info),
        None => add_pages_of_vma(task, vma),
    }
    task.head_mut().set_buffer(Buffer::Pages);
    task.events.enter(GntdevVmaClose::HOOK.id);
}

/// `int gntdev_release(struct inode *inode, struct file *flip)`
#[inline(always)]
fn on_gntdev_release(call: &Call<GntdevRelease, impl Entered>) {
    task::begin(call, CLOSE_OP);
}

#[inline(always)]
fn on_gntdev_release_return(call: &Return<GntdevRelease, impl Returned>) {
    if let Some(task) = task::operation_finished(call) {
        task.emit(call, call.int());
    }
}
