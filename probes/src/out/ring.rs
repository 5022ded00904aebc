//! The ring buffer: the records of finished operations, often several in one go.

use core::ptr;

use aya_ebpf::helpers::generated::bpf_ringbuf_output;
use aya_ebpf::macros::map;
use aya_ebpf::maps::RingBuf;

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

/// Hands records to the collector. Whether there was no room.
///
/// # Safety
/// There are as many words, and they are whole records.
#[inline(always)]
pub unsafe fn send(records: *const u64, words: usize) -> bool {
    let bytes = words as u64 * 8;
    let flags = if fills_another_part(bytes) { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
    // SAFETY: as the caller says. The safe wrapper takes a slice, whose length the verifier cannot follow.
    unsafe { bpf_ringbuf_output((&raw const RECORDS).cast_mut().cast(), records.cast_mut().cast(), bytes, flags) != 0 }
}

/// Not 0: there may be records that wait to be handed over, somewhere.
static mut VISITS: u32 = 0;

/// A record waits to be handed over. Who looks for such may come too early to see it, or find its place taken: so it is looked for twice.
#[inline(always)]
pub fn note_waiting() {
    set_visits(2);
}

/// How often all places have to be looked at.
#[inline(always)]
pub fn visits() -> u32 {
    // SAFETY: any value of it is good.
    unsafe { ptr::read_volatile(&raw const VISITS) }
}

#[inline(always)]
pub fn set_visits(value: u32) {
    // SAFETY: as above.
    unsafe { ptr::write_volatile(&raw mut VISITS, value) }
}
