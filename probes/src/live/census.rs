//! The census: all maps that processes hold now, found by looking through everybody's open files and memory.
//!
//! It needs no probe to have seen them begin. A gntdev file carries the list of its maps, an exported dma-buf its map, and an
//! area of memory its map too; a map that several of them lead to is found once. Who releases a map while the census runs takes it
//! off a list under a lock that we cannot take: reading goes through helpers that survive any address, and the collector
//! looks twice before it believes that a map is alive.
//!
//! Source: drivers/xen/gntdev-common.h, drivers/xen/gntdev{,-dmabuf}.c, include/linux/dma-buf.h, Linux v6.12.

use core::ffi::c_void;

use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::bpf_loop;
use aya_ebpf::macros::map;
use aya_ebpf::maps::HashMap;
use grantscope_wire::live::{FoundHolder, HELD_BY_AREA, HELD_BY_DESCRIPTOR, HELD_BY_DMABUF, MAX_HOLDERS};
use grantscope_wire::{FoundMap, HookId, LossKind};

use crate::kernel::fields::{offset_of_map_count as map_count, offset_of_map_next as map_next};
use crate::out::loss;

/// Maps that one open gntdev can have and be read whole: `limit`, the module's parameter, allows as many references.
const MAX_MAPS_OF_FILE: u32 = 65_536;
/// A member that this kernel's structure does not have.
const ABSENT: u32 = u32::MAX;

/// What was found, by address of the map. Memory is taken as it is needed: most of the time nothing is in it.
#[map]
static FOUND: HashMap<u64, FoundMap> = HashMap::with_max_entries(16_384, BPF_F_NO_PREALLOC);

/// Flag of a hash map (include/uapi/linux/bpf.h, v6.12).
const BPF_F_NO_PREALLOC: u32 = 1;

/// Declares numbers that the collector fills in. Read volatile: the compiler must not believe the zero it sees here.
macro_rules! filled_in {
    ($($static:ident: $type:ty, $read:ident;)+) => {
        $(
            #[unsafe(no_mangle)]
            static $static: $type = 0;

            #[inline(always)]
            fn $read() -> $type {
                // SAFETY: a plain static; volatile because the loader rewrites it.
                unsafe { core::ptr::read_volatile(&raw const $static) }
            }
        )+
    };
}

filled_in! {
    ADDRESS_GNTDEV_IOCTL: u64, address_gntdev_ioctl;
    ADDRESS_DMA_BUF_IOCTL: u64, address_dma_buf_ioctl;
    ADDRESS_EXPORT_RELEASE: u64, address_export_release;
    OFFSET_TASK_TGID: u32, task_tgid;
    OFFSET_TASK_LEADER: u32, task_leader;
    OFFSET_TASK_COMM: u32, task_comm;
    OFFSET_FILE_OPERATIONS: u32, file_operations;
    OFFSET_FILE_PRIVATE: u32, file_private;
    OFFSET_OPERATIONS_IOCTL: u32, operations_ioctl;
    OFFSET_AREA_FILE: u32, area_file;
    OFFSET_AREA_PRIVATE: u32, area_private;
    OFFSET_PRIV_MAPS: u32, priv_maps;
    OFFSET_MAP_FLAGS: u32, map_flags;
    OFFSET_MAP_IN_USE: u32, map_in_use;
    OFFSET_MAP_GRANTS: u32, map_grants;
    OFFSET_MAP_DMA_FLAGS: u32, map_dma_flags;
    OFFSET_DMABUF_OPS: u32, dmabuf_ops;
    OFFSET_DMABUF_PRIVATE: u32, dmabuf_private;
    OFFSET_DMABUF_OPS_RELEASE: u32, dmabuf_ops_release;
    OFFSET_EXPORTED_MAP: u32, exported_map;
}

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
pub struct TaskArea {
    meta: u64,
    task: u64,
    area: u64,
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

/// Called by the kernel for each area of each process's memory, and once more at the end, with none.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task_vma")]
pub extern "C" fn census_of_areas(context: *const TaskArea) -> i32 {
    // SAFETY: as above.
    let (task, area) = unsafe { ((*context).task, (*context).area) };
    if task != 0 && area != 0 {
        look_at_area(task, area);
    }
    0
}

#[inline(always)]
fn look_at_file(task: u64, file: u64) {
    let Some(ioctl) = ioctl_of(file) else { return };
    let Some(private) = u64_at(file, file_private()) else { return };
    if ioctl == address_gntdev_ioctl() {
        look_at_list(task, private);
    } else if ioctl == address_dma_buf_ioctl() && is_ours(private) {
        let buffer = u64_at(private, dmabuf_private()).and_then(|exported| u64_at(exported, exported_map()));
        if let Some(map) = buffer {
            found(map, task, HELD_BY_DMABUF, private);
        }
    }
}

#[inline(always)]
fn look_at_area(task: u64, area: u64) {
    let file = match u64_at(area, area_file()) {
        Some(file) if file != 0 => file,
        _ => return,
    };
    if ioctl_of(file) != Some(address_gntdev_ioctl()) {
        return;
    }
    if let Some(map @ 1..) = u64_at(area, area_private()) {
        found(map, task, HELD_BY_AREA, 0);
    }
}

/// The address by which a file's driver is known: it serves the file's ioctls.
#[inline(always)]
fn ioctl_of(file: u64) -> Option<u64> {
    u64_at(file, file_operations()).and_then(|operations| u64_at(operations, operations_ioctl()))
}

/// Whether gntdev exported a dma-buf.
#[inline(always)]
fn is_ours(dmabuf: u64) -> bool {
    let release = u64_at(dmabuf, dmabuf_ops()).and_then(|ops| u64_at(ops, dmabuf_ops_release()));
    release == Some(address_export_release())
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
    let head = priv_ + u64::from(priv_maps());
    let Some(first) = u64_at(head, 0) else { return };
    let mut walk = Walk { task, head, node: first };
    let step: extern "C" fn(u32, *mut Walk) -> i64 = look_at_node;
    // SAFETY: the callback gets what the kernel is given here, and the walk outlives the call.
    let _ = unsafe { bpf_loop(MAX_MAPS_OF_FILE, step as *mut c_void, (&raw mut walk).cast(), 0) };
}

/// Ends the walk with 1.
extern "C" fn look_at_node(_: u32, walk: *mut Walk) -> i64 {
    // SAFETY: `look_at_list` gave it.
    let walk = unsafe { &mut *walk };
    if walk.node == walk.head || walk.node == 0 {
        return 1;
    }
    found(walk.node.wrapping_sub(u64::from(map_next())), walk.task, HELD_BY_DESCRIPTOR, 0);
    match u64_at(walk.node, 0) {
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
    if by == HELD_BY_AREA {
        known.areas += 1;
    }
    if dmabuf != 0 {
        known.dmabuf = dmabuf;
    }
    add_holder(known, task, by);
    0
}

#[inline(always)]
fn describe(map: u64) -> FoundMap {
    let number = |offset| u32_at(map, offset).unwrap_or(0);
    FoundMap {
        dmabuf: 0,
        pages: number(map_count()),
        domid: u64_at(map, map_grants()).and_then(|grants| u32_at(grants, 0)).unwrap_or(0),
        flags: number(map_flags()),
        in_use: number(map_in_use()),
        dma_flags: number(map_dma_flags()),
        areas: 0,
        holders: 0,
        reserved: 0,
        holder: [FoundHolder { tgid: 0, by: 0, comm: [0; 16] }; MAX_HOLDERS],
    }
}

#[inline(always)]
fn add_holder(known: &mut FoundMap, task: u64, by: u32) {
    let tgid = u32_at(task, task_tgid()).unwrap_or(0);
    for place in 0..MAX_HOLDERS {
        let holder = &mut known.holder[place];
        if holder.tgid == tgid && holder.by == by {
            return;
        }
        if holder.tgid == 0 {
            let leader = u64_at(task, task_leader()).unwrap_or(task);
            *holder = FoundHolder { tgid, by, comm: comm_at(leader + u64::from(task_comm())) };
            known.holders += 1;
            return;
        }
    }
    known.holders += 1;
}

#[inline(always)]
fn u64_at(structure: u64, offset: u32) -> Option<u64> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel((structure + u64::from(offset)) as *const u64) }.ok()
}

#[inline(always)]
fn u32_at(structure: u64, offset: u32) -> Option<u32> {
    if offset == ABSENT {
        return None;
    }
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel((structure + u64::from(offset)) as *const u32) }.ok()
}

#[inline(always)]
fn comm_at(address: u64) -> [u8; 16] {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(address as *const [u8; 16]) }.unwrap_or_default()
}
