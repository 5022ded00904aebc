//! Leaves out what the filter does not pass, and counts it.

use core::ptr;

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use grantscope_wire::{Filter, OpHeader};

use crate::exchange;
use crate::live::table::BPF_F_MMAPABLE;

/// Set by the collector before loading. Constant for the verifier, which drops the comparisons that the filter does not make.
#[unsafe(no_mangle)]
static FILTER: Filter = Filter::ANY;

/// Operations left out.
#[map]
static LEFT_OUT: Array<u64> = Array::with_max_entries(1, BPF_F_MMAPABLE);

#[inline(always)]
fn filter() -> Filter {
    // SAFETY: a plain static; volatile because the loader rewrites it.
    unsafe { ptr::read_volatile(&raw const FILTER) }
}

/// Whether nothing is left out. As `Filter::is_any`, of which the compiler would load each byte.
#[inline(always)]
pub fn is_any() -> bool {
    const ANY: Filter = Filter::ANY;
    // SAFETY: as above.
    unsafe {
        ptr::read_volatile(&raw const FILTER.tgid) == ANY.tgid
            && ptr::read_volatile(&raw const FILTER.domid) == ANY.domid
            && ptr::read_volatile(&raw const FILTER.buffers) == ANY.buffers
            && ptr::read_volatile(&raw const FILTER.errors_only) == ANY.errors_only
            && ptr::read_volatile(&raw const FILTER.min_duration_ns) == ANY.min_duration_ns
            && ptr::read_volatile(&raw const FILTER.comm[0]) == ANY.comm[0]
    }
}

/// Whether an operation is to be recorded; counted, if not.
#[inline(always)]
pub fn passes(head: &OpHeader) -> bool {
    if is_any() {
        return true;
    }
    let passes = filter().passes(head);
    if !passes && let Some(count) = LEFT_OUT.get_ptr_mut(0) {
        // SAFETY: it is a counter of the map.
        exchange::add(unsafe { &mut *count }, 1);
    }
    passes
}
