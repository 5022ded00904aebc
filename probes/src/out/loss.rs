//! Counters of what was lost. The collector maps them into its memory.

use aya_ebpf::macros::map;
use aya_ebpf::maps::Array;
use grantscope_wire::loss::{LOSS_COUNTERS, loss_index};
use grantscope_wire::{HookId, LossKind};

use crate::exchange;
use crate::live::table::BPF_F_MMAPABLE;

#[map]
static LOSS: Array<u64> = Array::with_max_entries(LOSS_COUNTERS, BPF_F_MMAPABLE);

/// One more was lost.
pub fn count(hook: HookId, kind: LossKind) {
    count_at(hook.id(), kind);
}

/// One more was lost, at the hook with this id.
pub fn count_at(hook: u8, kind: LossKind) {
    add_at(hook, kind, 1);
}

/// So many more were lost.
pub fn add(hook: HookId, kind: LossKind, count: u64) {
    add_at(hook.id(), kind, count);
}

#[inline(always)]
fn add_at(hook: u8, kind: LossKind, count: u64) {
    if let Some(counter) = LOSS.get_ptr_mut(loss_index(hook, kind)) {
        // SAFETY: it is a counter of the map.
        exchange::add(unsafe { &mut *counter }, count);
    }
}
