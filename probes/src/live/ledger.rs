//! What lives between operations: maps, exported dma-bufs, and the descriptors that name them to the kernel.
//!
//! It gives operations that only carry a pointer or a descriptor their buffer kind, page count and domain.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::map;
use aya_ebpf::maps::{Array, HashMap, LruHashMap};
use grantscope_wire::live::{LIVE_EXPORTED, LIVE_GRANTS_MAPPED};
use grantscope_wire::table::{PLACES, Place, place_of};
use grantscope_wire::{HookId, LiveMap, LossKind, MapInfo, OpHeader, TableId, Turn};

use super::table::{BPF_F_MMAPABLE, DISPLACED, Table};
use crate::exchange::{exchange, put};
use crate::kernel::current;
use crate::out::loss;

/// Which list of an open gntdev a descriptor is on (`struct gntdev_dmabuf_priv`, drivers/xen/gntdev-dmabuf.c, v6.12).
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Direction {
    Exported = 1,
    Imported = 2,
}

/// Live maps by address, from `gntdev_alloc_map`'s return to `gntdev_free_map`. The collector reads them, and puts those in that
/// are older than the probes.
#[map]
static MAPS: Array<Place<LiveMap>> = Array::with_max_entries(PLACES as u32, BPF_F_MMAPABLE);
#[map]
static MAPS_DISPLACED: HashMap<u64, LiveMap> = HashMap::with_max_entries(DISPLACED, 0);
const LIVE: Table<LiveMap> = Table { places: &MAPS, displaced: &MAPS_DISPLACED, id: TableId::Maps };

/// Exported dma-bufs by address.
#[map]
static DMABUFS: Array<Place<MapInfo>> = Array::with_max_entries(PLACES as u32, BPF_F_MMAPABLE);
#[map]
static DMABUFS_DISPLACED: HashMap<u64, MapInfo> = HashMap::with_max_entries(DISPLACED, 0);
const EXPORTED: Table<MapInfo> = Table { places: &DMABUFS, displaced: &DMABUFS_DISPLACED, id: TableId::Dmabufs };

/// gntdev looks buffers up by the number the descriptor had at the time, per open file; so do we.
#[repr(C)]
struct Descriptor {
    /// Not 0: it is being written.
    in_work: u64,
    file: u64,
    fd: u32,
    direction: u32,
    info: MapInfo,
}

/// Descriptors that have a place of their own: a power of two.
const DESCRIPTORS_KEPT: u32 = 4_096;

/// Buffers by descriptor. No hook shows when the kernel forgets a number, so a later one takes an older one's place.
#[map]
static DESCRIPTORS: Array<Descriptor> = Array::with_max_entries(DESCRIPTORS_KEPT, 0);
/// Those that lost their place, by open file and number.
#[map]
static DESCRIPTORS_DISPLACED: LruHashMap<[u64; 2], MapInfo> = LruHashMap::with_max_entries(DISPLACED, 0);

#[inline(always)]
fn descriptor_number(file: u64, fd: u32, direction: Direction) -> u32 {
    // The same number may be that of an exported and of an imported buffer.
    place_of(file ^ u64::from(fd) << 2 ^ direction as u64) & (DESCRIPTORS_KEPT - 1)
}

#[inline(always)]
fn descriptor_place(file: u64, fd: u32, direction: Direction) -> Option<&'static mut Descriptor> {
    // SAFETY: who writes it has it to itself, and who reads it compares whose it is.
    DESCRIPTORS.get_ptr_mut(descriptor_number(file, fd, direction)).map(|place| unsafe { &mut *place })
}

/// A map begins to live, allocated by the current process.
#[inline(always)]
pub fn remember_map(map: u64, info: &MapInfo) {
    let live = LiveMap {
        info: *info,
        comm: current::comm(),
        tgid: (bpf_get_current_pid_tgid() >> 32) as u32,
        vmas: 0,
        flags: 0,
        allocator: 0,
        reserved: [0; 2],
    };
    if !LIVE.insert(map, &live) {
        loss::count(HookId::GntdevAllocMap, LossKind::LedgerFull);
    }
}

#[inline(always)]
pub fn map(map: u64) -> Option<&'static MapInfo> {
    LIVE.get(map).map(|live| &live.info)
}

/// A live map, to be changed: by the call that it was made for, or in its count of VMAs.
#[inline(always)]
pub fn live(map: u64) -> Option<&'static mut LiveMap> {
    LIVE.get(map)
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
    live.allocator = head.allocator;
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

#[inline(always)]
pub fn forget_map(map: u64) {
    LIVE.remove(map);
}

#[inline(always)]
pub fn remember_dmabuf(dmabuf: u64, info: &MapInfo) {
    if !EXPORTED.insert(dmabuf, info) {
        loss::count(HookId::DmaBufExport, LossKind::LedgerFull);
    }
}

#[inline(always)]
pub fn dmabuf(dmabuf: u64) -> Option<&'static MapInfo> {
    EXPORTED.get(dmabuf).map(|info| &*info)
}

/// Now it is known who granted it.
#[inline(always)]
pub fn set_dmabuf_domid(dmabuf: u64, domid: u16) {
    if let Some(info) = EXPORTED.get(dmabuf) {
        info.set_domid(domid);
    }
}

#[inline(always)]
pub fn forget_dmabuf(dmabuf: u64) {
    EXPORTED.remove(dmabuf);
}

#[inline(always)]
pub fn remember_descriptor(file: u64, fd: u32, direction: Direction, info: &MapInfo) {
    let Some(place) = descriptor_place(file, fd, direction) else { return };
    if place.file != 0 && !place.is(file, fd, direction) {
        // The kernel may still know it.
        displace_descriptor(place.file, place.number(), &place.info);
    }
    let turn = Turn::at(TableId::Descriptors, descriptor_number(file, fd, direction).into());
    if exchange(&mut place.in_work, turn, 0, 1) == 0 {
        (place.file, place.fd, place.direction, place.info) = (file, fd, direction as u32, *info);
        put(&mut place.in_work, turn, 1, 0);
    } else {
        // Another processor has the place.
        displace_descriptor(file, number(fd, direction as u32), info);
    }
}

#[inline(always)]
pub fn descriptor(file: u64, fd: u32, direction: Direction) -> Option<&'static MapInfo> {
    let place = descriptor_place(file, fd, direction)?;
    if place.is(file, fd, direction) && place.in_work == 0 {
        return Some(&place.info);
    }
    // SAFETY: entries are only ever replaced whole.
    unsafe { DESCRIPTORS_DISPLACED.get([file, number(fd, direction as u32)]) }
}

impl Descriptor {
    #[inline(always)]
    fn is(&self, file: u64, fd: u32, direction: Direction) -> bool {
        (self.file, self.fd, self.direction) == (file, fd, direction as u32)
    }

    #[inline(always)]
    fn number(&self) -> u64 {
        number(self.fd, self.direction)
    }
}

#[inline(always)]
const fn number(fd: u32, direction: u32) -> u64 {
    (direction as u64) << 32 | fd as u64
}

#[inline(always)]
fn displace_descriptor(file: u64, number: u64, info: &MapInfo) {
    if DESCRIPTORS_DISPLACED.insert([file, number], info, 0).is_err() {
        loss::count(HookId::GntdevIoctl, LossKind::LedgerFull);
    }
}
