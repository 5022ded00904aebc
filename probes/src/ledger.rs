//! What lives between operations: maps, exported dma-bufs, and the descriptors that name them to the kernel.
//!
//! It gives operations that only carry a pointer or a descriptor their buffer kind and page count.

use aya_ebpf::macros::map;
use aya_ebpf::maps::{HashMap, LruHashMap};
use grantscope_wire::{HookId, LossKind};

use crate::loss;

/// What is known of a map.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct MapInfo {
    /// Time of its allocation: tells it from an earlier one at the same address. 0: unknown.
    pub generation_ns: u64,
    /// Grant references.
    pub pages: u32,
    /// `Buffer`, 0: unknown.
    pub buffer: u8,
    /// Zero.
    pub reserved: [u8; 3],
}

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

/// Live maps by address, from `gntdev_alloc_map`'s return to `gntdev_free_map`.
#[map]
static MAPS: HashMap<u64, MapInfo> = HashMap::with_max_entries(16_384, 0);

/// Exported dma-bufs by address.
#[map]
static DMABUFS: HashMap<u64, MapInfo> = HashMap::with_max_entries(16_384, 0);

/// Buffers by descriptor. The kernel never tells when a number is forgotten, so the oldest make room.
#[map]
static DESCRIPTORS: LruHashMap<DescriptorKey, MapInfo> = LruHashMap::with_max_entries(4_096, 0);

pub fn remember_map(map: u64, info: &MapInfo) {
    if MAPS.insert(map, info, 0).is_err() {
        loss::count(HookId::GntdevAllocMap, LossKind::LedgerFull);
    }
}

pub fn map(map: u64) -> Option<&'static MapInfo> {
    // SAFETY: a reader may see a value that is being replaced; it is written whole before the map is published.
    unsafe { MAPS.get(map) }
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
