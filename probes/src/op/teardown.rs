//! Teardowns that do not end in the operation that requested them: from the request to unmap a map's grants to the moment when they are
//! gone.
//!
//! While one of the pages is still in use, the kernel defers the request and retries in a kworker, 5 ms later, 10 ms later and so on
//! without end; the call that asked for it has long returned (`gnttab_unmap_refs_async` and `gnttab_unmap_work` in
//! drivers/xen/grant-table.c, Linux v6.12). What links the two is the request's item, a part of the map.

use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::map;
use aya_ebpf::maps::LruHashMap;
use grantscope_wire::record::{DOMID_KNOWN, EVENT_BYTES, HEADER_BYTES, PAGES_KNOWN};
use grantscope_wire::{Edge, Event, HookId, LossKind, MapInfo, Op, OpHeader, PendingTeardown};

use super::events::now_ns;
use crate::kernel::current;
use crate::out::{filter, loss, ring};

/// A request to unmap a map's grants.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Unmapping {
    /// The address of the request; 0: there is none.
    pub item: u64,
    /// Address of the map; [`PARKED`]: that is known elsewhere.
    pub map: u64,
    /// The map, and how many grants this request is about.
    pub info: MapInfo,
}

/// In the place of a map's address: the teardown was parked, and is finished there.
pub const PARKED: u64 = 0;

impl Unmapping {
    pub const NONE: Self = Self { item: 0, map: PARKED, info: MapInfo::UNKNOWN };

    /// Whether one is under way that is known here alone.
    pub fn is_here(&self) -> bool {
        self.item != 0 && self.map != PARKED
    }
}

/// A record as it travels: nothing of a teardown needs more events.
#[repr(C)]
struct Record {
    head: OpHeader,
    /// If there was one after the first.
    last_attempt: Event,
}

/// Teardowns by the address of their item. The oldest make room; the end of one that had to is counted as unseen.
#[map]
static PENDING: LruHashMap<u64, PendingTeardown> = LruHashMap::with_max_entries(16_384, 0);

/// A teardown begins that may take longer than what requested it. Not inlined: the stack of a program and all that it calls is 512 bytes.
#[inline(never)]
pub fn park(unmapping: &Unmapping, started_by: u8) -> u64 {
    let now = now_ns();
    let pending = PendingTeardown {
        start_ns: now,
        attempt_ns: now,
        info: unmapping.info,
        map: unmapping.map,
        ids: bpf_get_current_pid_tgid(),
        comm: current::comm(),
        retries: 0,
        started_by,
        reserved: [0; 5],
    };
    if PENDING.insert(unmapping.item, &pending, 0).is_err() {
        loss::count(Op::Teardown.reported_by(), LossKind::LedgerFull);
    }
    0
}

/// The kernel tries again. Whether the teardown is known.
#[inline(always)]
pub fn retry(item: u64) -> bool {
    let Some(pending) = PENDING.get_ptr_mut(item) else { return false };
    // SAFETY: an item is in one attempt at a time, and its entry stays until `finish`.
    let pending = unsafe { &mut *pending };
    pending.retries = pending.retries.saturating_add(1);
    pending.attempt_ns = now_ns();
    true
}

/// The grants are gone: the teardown is reported.
#[inline(always)]
pub fn finish(item: u64, now: u64, ret: i32) {
    finish_teardown(item, now, ret as u64);
}

/// The verifier follows it once in a program: see `apart.rs`.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn finish_teardown(item: u64, now: u64, ret: u64) -> u64 {
    let Some(pending) = PENDING.get_ptr_mut(item) else {
        loss::count(Op::Teardown.reported_by(), LossKind::Unseen);
        return 0;
    };
    // SAFETY: as above; it is removed only below.
    send(unsafe { &*pending }, now, ret as i32);
    // Not there: it cannot be, after what was found above.
    let _ = PENDING.remove(item);
    0
}

#[inline(always)]
fn send(pending: &PendingTeardown, now: u64, ret: i32) {
    let info = &pending.info;
    let waited = pending.attempt_ns.wrapping_sub(pending.start_ns);
    let record = Record {
        head: OpHeader {
            start_ns: pending.start_ns,
            duration_ns: now.wrapping_sub(pending.start_ns),
            map_generation_ns: info.generation_ns,
            tgid: (pending.ids >> 32) as u32,
            tid: pending.ids as u32,
            comm: pending.comm,
            pages: info.pages,
            ret,
            domid: info.domid,
            op: Op::Teardown.id(),
            buffer: info.buffer,
            event_count: (pending.retries > 0) as u8,
            flags: if info.pages > 0 { PAGES_KNOWN } else { 0 } | if info.domid().is_some() { DOMID_KNOWN } else { 0 },
            started_by: pending.started_by,
            cause: 0,
            caller: 0,
            status_count: 0,
            allocator: 0,
            attempts: pending.retries,
        },
        last_attempt: Event::new(Event::code(HookId::GnttabUnmapWork, Edge::Entry), waited),
    };
    if !filter::passes(&record.head) {
        return;
    }
    let words = (HEADER_BYTES + usize::from(record.head.event_count) * EVENT_BYTES) / 8;
    // SAFETY: the record has as many events as its header says.
    if unsafe { ring::send((&raw const record).cast(), words) } {
        loss::count(Op::Teardown.reported_by(), LossKind::RingFull);
    }
}
