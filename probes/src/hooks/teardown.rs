//! Teardown: from the request to unmap a map's grants to the moment when they are gone.
//!
//! While one of the pages is still in use, the kernel defers the request and retries in a kworker, 5 ms later, 10 ms
//! later and so on without end; the call that asked for it has long returned. What links the two is the request's item,
//! a part of the map (`gnttab_unmap_refs_async` and `gnttab_unmap_work` in drivers/xen/grant-table.c, `__unmap_grant_pages_done`
//! in drivers/xen/gntdev.c, Linux v6.12).

use aya_ebpf::helpers::{bpf_get_current_comm, bpf_get_current_pid_tgid};
use aya_ebpf::macros::map;
use aya_ebpf::maps::LruHashMap;
use grantscope_wire::hook::rows::{GnttabUnmapRefsAsync, GnttabUnmapWork, UnmapGrantPagesDone};
use grantscope_wire::record::{DOMID_KNOWN, PAGES_KNOWN};
use grantscope_wire::{Edge, Event, HookId, LossKind, MapInfo, Op, OpAt, OpHeader, PendingTeardown};

use super::map_life;
use crate::call::{Call, Entered};
use crate::kernel::fields::{unmap_count, unmap_data, unmap_ops};
use crate::live::ledger;
use crate::op::caller;
use crate::op::events::now_ns;
use crate::op::task;
use crate::out::{loss, ring};

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

const TEARDOWN_OP: OpAt<UnmapGrantPagesDone> = OpAt::new(Op::Teardown);

hook!(GnttabUnmapRefsAsync, on_gnttab_unmap_refs_async);
hook!(GnttabUnmapWork, on_gnttab_unmap_work);
hook!(UnmapGrantPagesDone, on_unmap_grant_pages_done);

/// `void gnttab_unmap_refs_async(struct gntab_unmap_queue_data *item)`; gntdev's item carries its map (gntdev.c:404).
#[inline(always)]
fn on_gnttab_unmap_refs_async(call: &Call<GnttabUnmapRefsAsync, impl Entered>) {
    let item = call.pointer::<0>();
    let Some(map) = unmap_data(item) else { return };
    map_life::is_torn_down(map);
    map_life::export_failed();
    let info = ledger::map(map);
    let asked_by = task::busy_here();
    if asked_by.is_none()
        && let Some(unmap_ops) = unmap_ops(item)
    {
        // Block back ends use the same function, in none of our operations and with no map of gntdev's.
        if info.is_none() {
            return caller::note_requester(unmap_ops, caller::of(call));
        }
        caller::note_gntdev(unmap_ops);
    }
    begin(item, map, info, asked_by.map_or(0, |task| task.head().op));
}

/// Not inlined: the stack of a program and all that it calls is 512 bytes.
#[inline(never)]
fn begin(item: u64, map: u64, info: Option<&MapInfo>, started_by: u8) {
    let now = now_ns();
    let pending = PendingTeardown {
        start_ns: now,
        attempt_ns: now,
        info: info.copied().unwrap_or_default(),
        map,
        ids: bpf_get_current_pid_tgid(),
        comm: bpf_get_current_comm().unwrap_or_default(),
        // Not the map's: on x86 PV a part of it can go alone.
        pages: unmap_count(item).unwrap_or(0),
        retries: 0,
        started_by,
        reserved: 0,
    };
    if PENDING.insert(item, &pending, 0).is_err() {
        loss::count(TEARDOWN_OP.op().reported_by(), LossKind::LedgerFull);
    }
}

/// `void gnttab_unmap_work(struct work_struct *work)`: the work is the item's first member.
#[inline(always)]
fn on_gnttab_unmap_work(call: &Call<GnttabUnmapWork, impl Entered>) {
    let item = call.pointer::<0>();
    let Some(pending) = PENDING.get_ptr_mut(item) else { return };
    // SAFETY: an item is in one attempt at a time, and its entry stays until `on_unmap_grant_pages_done`.
    let pending = unsafe { &mut *pending };
    pending.retries = pending.retries.saturating_add(1);
    if let Some(unmap_ops) = unmap_ops(item) {
        caller::note_gntdev(unmap_ops);
    }
    pending.attempt_ns = now_ns();
}

/// `void __unmap_grant_pages_done(int result, struct gntab_unmap_queue_data *data)`
#[inline(always)]
fn on_unmap_grant_pages_done(call: &Call<UnmapGrantPagesDone, impl Entered>) {
    let now = now_ns();
    let item = call.pointer::<1>();
    let Some(pending) = PENDING.get_ptr_mut(item) else {
        return loss::count(TEARDOWN_OP.op().reported_by(), LossKind::Unseen);
    };
    // SAFETY: as above; it is removed only below.
    let pending = unsafe { &*pending };
    send(pending, now, call.int::<0>() as i32);
    // Not there: it cannot be, after what was found above.
    let _ = PENDING.remove(item);
}

#[inline(always)]
fn send(pending: &PendingTeardown, now: u64, ret: i32) {
    let attempt =
        Event::new(Event::code(HookId::GnttabUnmapWork, Edge::Entry), pending.attempt_ns.wrapping_sub(pending.start_ns));
    let mut record = Record {
        head: OpHeader {
            start_ns: pending.start_ns,
            duration_ns: now.wrapping_sub(pending.start_ns),
            map_generation_ns: pending.info.generation_ns,
            tgid: (pending.ids >> 32) as u32,
            tid: pending.ids as u32,
            comm: pending.comm,
            pages: pending.pages,
            ret,
            domid: pending.info.domid,
            op: TEARDOWN_OP.op().id(),
            buffer: pending.info.buffer,
            event_count: (pending.retries > 0) as u8,
            flags: if pending.pages > 0 { PAGES_KNOWN } else { 0 } | if pending.info.domid().is_some() { DOMID_KNOWN } else { 0 },
            started_by: pending.started_by,
            cause: 0,
            caller: 0,
            status_count: 0,
            reserved: 0,
            attempts: pending.retries,
        },
        last_attempt: attempt,
    };
    // SAFETY: the record has as many events as its header says.
    unsafe { ring::send((&raw mut record).cast(), TEARDOWN_OP.op().reported_by()) };
}
