//! What lives between operations: maps, exported dma-bufs, and the descriptors that name them to the kernel.
//!
//! It gives operations that only carry a pointer or a descriptor their buffer kind, page count and domain.

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid};
use aya_ebpf::macros::map;
use aya_ebpf::maps::{HashMap, LruHashMap};
use grantscope_wire::live::{LIVE_EXPORTED, LIVE_GRANTS_MAPPED};
use grantscope_wire::{HookId, LiveMap, LossKind, MapInfo, OpHeader};

use crate::out::loss;

/// Which list of an open gntdev a descriptor is on (`struct gntdev_dmabuf_priv`, drivers/xen/gntdev-dmabuf.c, v6.12).
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Direction {
    Exported = 1,
    Imported = 2,
}

/// gntdev looks buffers up by the number the descriptor had at the time, per open file; so do we.
#[derive(Clone, Copy)]
#[repr(C)]
struct DescriptorKey {
    file: u64,
    fd: u32,
    direction: u32,
}

/// Live maps by address, from `gntdev_alloc_map`'s return to `gntdev_free_map`. The collector reads them, and puts those in that
/// are older than the probes.
#[map]
static MAPS: HashMap<u64, LiveMap> = HashMap::with_max_entries(16_384, 0);

/// Exported dma-bufs by address.
#[map]
static DMABUFS: HashMap<u64, MapInfo> = HashMap::with_max_entries(16_384, 0);

/// Buffers by descriptor. No hook shows when the kernel forgets a number, so the oldest make room.
#[map]
static DESCRIPTORS: LruHashMap<DescriptorKey, MapInfo> = LruHashMap::with_max_entries(4_096, 0);

/// A map begins to live, allocated by the current process.
#[inline(always)]
pub fn remember_map(map: u64, info: &MapInfo) {
    let live = LiveMap {
        info: *info,
        comm: bpf_get_current_comm().unwrap_or_default(),
        tgid: (bpf_get_current_pid_tgid() >> 32) as u32,
        vmas: 0,
        flags: 0,
        reserved: [0; 3],
    };
    if MAPS.insert(map, &live, 0).is_err() {
        loss::count(HookId::GntdevAllocMap, LossKind::LedgerFull);
    }
}

pub fn map(map: u64) -> Option<&'static MapInfo> {
    // SAFETY: a reader may see a value that is being replaced; it is written whole before the map is published.
    unsafe { MAPS.get(map).map(|live| &live.info) }
}

/// A live map, to be changed: by the call that it was made for, or in its count of VMAs.
pub fn live(map: u64) -> Option<&'static mut LiveMap> {
    // SAFETY: an entry's memory is not given back while a program runs; what is written to one that was removed is lost with it.
    MAPS.get_ptr_mut(map).map(|live| unsafe { &mut *live })
}

/// The operation that allocated the map went well: now it is known who granted it. That is read from the header only here, because
/// the verifier of Linux 6.1 does not follow an `Option` past a call.
#[inline(always)]
pub fn set_granted(map: u64, head: &OpHeader, exported: bool) {
    // Of another generation: it is gone already, and another has its address.
    let Some(live) = live(map).filter(|live| live.info.generation_ns == head.map_generation_ns) else { return };
    if let Some(domid) = head.map_info().domid() {
        live.info.set_domid(domid);
    }
    if exported {
        live.flags |= LIVE_EXPORTED | LIVE_GRANTS_MAPPED;
    }
}

/// The map's grants are mapped from now on.
pub fn grants_are_mapped(live: &mut LiveMap) {
    live.flags |= LIVE_GRANTS_MAPPED;
}

/// One more VMA shows the map. Not atomic, which Rust does not have for BPF: where two processes that
/// share a map by a fork split or drop their VMAs in the same instant, the map's state is reported wrong, and nothing else.
pub fn add_vma(live: &mut LiveMap) {
    live.vmas = live.vmas.wrapping_add(1);
}

/// One fewer.
pub fn remove_vma(live: &mut LiveMap) {
    live.vmas = live.vmas.wrapping_sub(1);
}

pub fn forget_map(map: u64) {
    // Not there: older than the tool.
    let _ = MAPS.remove(map);
}

pub fn remember_dmabuf(dmabuf: u64, info: &MapInfo) {
    if DMABUFS.insert(dmabuf, info, 0).is_err() {
        loss::count(HookId::DmaBufExport, LossKind::LedgerFull);
    }
}

pub fn dmabuf(dmabuf: u64) -> Option<&'static MapInfo> {
    // SAFETY: as for maps.
    unsafe { DMABUFS.get(dmabuf) }
}

pub fn forget_dmabuf(dmabuf: u64) {
    let _ = DMABUFS.remove(dmabuf);
}

pub fn remember_descriptor(file: u64, fd: u32, direction: Direction, info: &MapInfo) {
    let key = DescriptorKey { file, fd, direction: direction as u32 };
    if DESCRIPTORS.insert(key, info, 0).is_err() {
        loss::count(HookId::GntdevIoctl, LossKind::LedgerFull);
    }
}

pub fn descriptor(file: u64, fd: u32, direction: Direction) -> Option<&'static MapInfo> {
    // SAFETY: as for maps.
    unsafe { DESCRIPTORS.get(DescriptorKey { file, fd, direction: direction as u32 }) }
}
