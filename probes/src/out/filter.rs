//! Leaves out what the filter does not pass, and counts it.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use grantscope_wire::{Filter, OpHeader};

/// Set by the collector before loading. Constant for the verifier, which drops the comparisons that the filter does not make.
#[unsafe(no_mangle)]
static FILTER: Filter = Filter::ANY;

/// Operations left out.
#[map]
static LEFT_OUT: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

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
        // SAFETY: the pointer is this CPU's own counter, and programs do not migrate while they run.
        unsafe { *count += 1 };
    }
    passes
}
