//! Leaves out what the filter does not pass, and counts it.

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
    unsafe { core::ptr::read_volatile(&raw const FILTER) }
}

/// Whether nothing is left out.
#[inline(always)]
pub fn is_any() -> bool {
    filter().is_any()
}

/// Whether an operation is to be recorded; counted, if not.
#[inline(always)]
pub fn passes(head: &OpHeader) -> bool {
    let passes = filter().passes(head);
    if !passes && let Some(count) = LEFT_OUT.get_ptr_mut(0) {
        // SAFETY: it is a counter of the map.
        exchange::add(unsafe { &mut *count }, 1);
    }
    passes
}
