//! The ring buffer: finished operations, one record each.

use aya_ebpf::helpers::generated::bpf_ringbuf_output;
use aya_ebpf::macros::map;
use aya_ebpf::maps::RingBuf;
use grantscope_wire::record::{EVENT_BYTES, HEADER_BYTES, MAX_EVENTS, MAX_STATUSES, STATUS_BYTES};
use grantscope_wire::{HookId, LossKind, OpHeader};

use super::{filter, loss};

/// Bytes of the ring. At 200 bytes a record this holds about 20,000 operations until the collector polls.
const RING_BYTES: u32 = 4 << 20;
/// The collector polls on its own clock; it is woken each time that this much has been written.
const WAKE_EVERY_BYTES: u64 = RING_BYTES as u64 / 4;

// Flags of bpf_ringbuf_output (include/uapi/linux/bpf.h, v6.12).
const BPF_RB_NO_WAKEUP: u64 = 1;
const BPF_RB_FORCE_WAKEUP: u64 = 2;

#[map]
static RECORDS: RingBuf = RingBuf::with_byte_size(RING_BYTES, 0);

/// Bytes that were written. What two processors add in the same instant may be counted once: the collector polls all the same.
static mut WRITTEN: u64 = 0;

/// Whether these bytes make it worth waking the collector.
#[inline(always)]
fn fills_another_part(bytes: u64) -> bool {
    // SAFETY: a word of its own, of which any value is good.
    unsafe {
        let before = WRITTEN;
        WRITTEN = before + bytes;
        (before ^ (before + bytes)) & WAKE_EVERY_BYTES != 0
    }
}

/// Hands a record to the collector, unless the filter leaves it out. What does not fit is counted as a loss of the hook; gives whether that
/// was so.
///
/// # Safety
/// Behind the header there have to be as many events, and behind them as many grant statuses, as it says.
#[inline(always)]
pub unsafe fn send(record: *mut OpHeader, hook: HookId) -> bool {
    // SAFETY: the caller's record begins with a header; and as the caller says.
    let refused = unsafe { filter::passes(&*record) && send_unfiltered(record) };
    if refused {
        loss::count(hook, LossKind::RingFull);
    }
    refused
}

/// The same, whatever the filter says. Whether it did not fit.
///
/// # Safety
/// As above.
#[inline(always)]
pub unsafe fn send_unfiltered(record: *mut OpHeader) -> bool {
    // SAFETY: the caller's record begins with a header.
    let head = unsafe { &*record };
    let (events, statuses) = (head.event_count, head.status_count);
    let (events, statuses) = (usize::from(events) & (MAX_EVENTS - 1), usize::from(statuses) & (MAX_STATUSES - 1));
    let length = (HEADER_BYTES + events * EVENT_BYTES + statuses * STATUS_BYTES) as u64;
    let flags = if fills_another_part(length) { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
    // SAFETY: `length` is at most the size of the record, and the record outlives the call. The safe wrapper
    // takes a slice, whose length the verifier cannot follow.
    unsafe { bpf_ringbuf_output((&raw const RECORDS).cast_mut().cast(), record.cast(), length, flags) != 0 }
}
