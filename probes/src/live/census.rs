//! The census: all maps that processes hold now, found by looking through the open files and VMAs of all processes.
//!
//! It needs no probe to have seen them begin. A gntdev file carries the list of its maps, an exported dma-buf its map, and a
//! VMA its map too; a map that several of them lead to is found once. Who releases a map while the census runs takes it
//! off a list under a lock that we cannot take: reading goes through helpers that survive any address, and the collector
//! looks twice before it believes that a map is alive.
//!
//! Source: drivers/xen/gntdev-common.h, drivers/xen/gntdev{,-dmabuf}.c, include/linux/dma-buf.h, Linux v6.12.

use aya_ebpf::macros::map;
use aya_ebpf::maps::HashMap;
use grantscope_wire::live::{FoundHolder, HELD_BY_DESCRIPTOR, HELD_BY_DMABUF, HELD_BY_VMA, MAX_HOLDERS};
use grantscope_wire::{FoundMap, HookId, LossKind};

use crate::kernel::{self, fields};
use crate::out::loss;
use crate::repeat::repeat;

/// Maps that one open gntdev can have and be read whole: `limit`, the module's parameter, allows as many references.
const MAX_MAPS_OF_FILE: u32 = if cfg!(feature = "early") { 256 } else { 65_536 };

/// What was found, by address of the map. Memory is taken as it is needed: most of the time nothing is in it.
#[map]
static FOUND: HashMap<u64, FoundMap> = HashMap::with_max_entries(16_384, BPF_F_NO_PREALLOC);

/// Flag of a hash map (include/uapi/linux/bpf.h, v6.12).
const BPF_F_NO_PREALLOC: u32 = 1;

/// `struct bpf_iter__task_file` (kernel/bpf/task_iter.c).
#[repr(C)]
pub struct TaskFile {
    meta: u64,
    task: u64,
    fd: u64,
    file: u64,
}

/// `struct bpf_iter__task_vma` (kernel/bpf/task_iter.c).
#[repr(C)]
pub struct TaskVma {
    meta: u64,
    task: u64,
    vma: u64,
}

/// Called by the kernel for each open file of each process, and once more at the end, with none.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_file")]
pub extern "C" fn census_of_files(context: *const TaskFile) -> i32 {
    // SAFETY: the kernel gives this program such a context.
    let (task, file) = unsafe { ((*context).task, (*context).file) };
    if task != 0 && file != 0 {
        look_at_file(task, file);
    }
    0
}

/// Called by the kernel for each VMA of each process, and once more at the end, with none.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_vma")]
pub extern "C" fn census_of_vmas(context: *const TaskVma) -> i32 {
    // SAFETY: as above.
    let (task, vma) = unsafe { ((*context).task, (*context).vma) };
    if task != 0 && vma != 0 {
        look_at_vma(task, vma);
    }
    0
}

#[inline(always)]
fn look_at_file(task: u64, file: u64) {
    let Some(ioctl) = ioctl_of(file) else { return };
    let Some(private) = fields::file_private_data(file) else { return };
    if ioctl == kernel::gntdev_ioctl() {
        look_at_list(task, private);
    } else if ioctl == kernel::dma_buf_ioctl() && is_ours(private) {
        let buffer = fields::dmabuf_private(private).and_then(fields::exported_map);
        if let Some(map) = buffer {
            found(map, task, HELD_BY_DMABUF, private);
        }
    }
}

#[inline(always)]
fn look_at_vma(task: u64, vma: u64) {
    let file = match fields::vma_file(vma) {
        Some(file) if file != 0 => file,
        _ => return,
    };
    if ioctl_of(file) != Some(kernel::gntdev_ioctl()) {
        return;
    }
    if let Some(map @ 1..) = fields::vma_private_data(vma) {
        found(map, task, HELD_BY_VMA, 0);
    }
}

/// The address by which a file's driver is known: it serves the file's ioctls.
#[inline(always)]
fn ioctl_of(file: u64) -> Option<u64> {
    fields::file_operations(file).and_then(fields::operations_ioctl)
}

/// Whether gntdev exported a dma-buf.
#[inline(always)]
fn is_ours(dmabuf: u64) -> bool {
    let release = fields::dmabuf_ops(dmabuf).and_then(fields::dmabuf_ops_release);
    release == Some(kernel::dmabuf_exp_ops_release())
}

/// A place in the list of an open gntdev's maps.
#[repr(C)]
struct Walk {
    task: u64,
    head: u64,
    node: u64,
}

#[inline(always)]
fn look_at_list(task: u64, priv_: u64) {
    let Some(head) = fields::list_of_maps(priv_) else { return };
    let Some(first) = fields::read(head) else { return };
    let mut walk = Walk { task, head, node: first };
    if repeat::<MAX_MAPS_OF_FILE, _>(MAX_MAPS_OF_FILE, look_at_node, &mut walk) == MAX_MAPS_OF_FILE {
        loss::count(HookId::GntdevAllocMap, LossKind::LedgerFull);
    }
}

/// Ends the walk with 1.
extern "C" fn look_at_node(_: u64, walk: *mut Walk) -> i64 {
    // SAFETY: `look_at_list` gave it.
    let walk = unsafe { &mut *walk };
    if walk.node == walk.head || walk.node == 0 {
        return 1;
    }
    let Some(map) = fields::map_of_next(walk.node) else { return 1 };
    found(map, walk.task, HELD_BY_DESCRIPTOR, 0);
    match fields::read(walk.node) {
        Some(next) => {
            walk.node = next;
            0
        }
        None => 1,
    }
}

/// A map, and a process that holds it.
#[inline(never)]
fn found(map: u64, task: u64, by: u32, dmabuf: u64) -> u64 {
    if FOUND.get_ptr_mut(map).is_none() {
        let fresh = describe(map);
        if FOUND.insert(map, &fresh, 0).is_err() {
            loss::count(HookId::GntdevAllocMap, LossKind::LedgerFull);
            return 0;
        }
    }
    let Some(known) = FOUND.get_ptr_mut(map) else { return 0 };
    // SAFETY: only one census runs at a time, and only it writes here.
    let known = unsafe { &mut *known };
    if by == HELD_BY_VMA {
        known.vmas += 1;
    }
    if dmabuf != 0 {
        known.dmabuf = dmabuf;
    }
    add_holder(known, task, by);
    0
}

#[inline(always)]
fn describe(map: u64) -> FoundMap {
    FoundMap {
        dmabuf: 0,
        pages: fields::map_count(map).unwrap_or(0),
        domid: fields::map_grants(map).and_then(fields::read).unwrap_or(0),
        flags: fields::map_flags(map).unwrap_or(0),
        in_use: fields::map_in_use(map).unwrap_or(0),
        dma_flags: fields::map_dma_flags(map).unwrap_or(0),
        vmas: 0,
        holders: 0,
        reserved: 0,
        holder: [FoundHolder { tgid: 0, by: 0, comm: [0; 16] }; MAX_HOLDERS],
    }
}

#[inline(always)]
fn add_holder(known: &mut FoundMap, task: u64, by: u32) {
    let tgid = fields::task_tgid(task).unwrap_or(0);
    for place in 0..MAX_HOLDERS {
        let holder = &mut known.holder[place];
        if holder.tgid == tgid && holder.by == by {
            return;
        }
        if holder.tgid == 0 {
            let leader = fields::task_leader(task).unwrap_or(task);
            *holder = FoundHolder { tgid, by, comm: fields::task_comm(leader).unwrap_or_default() };
            known.holders += 1;
            return;
        }
    }
    known.holders += 1;
}
