//! Counters of what was lost, per CPU, so that counting costs nothing and never loses itself.

use aya_ebpf::macros::map;
use aya_ebpf::maps::PerCpuArray;
use grantscope_wire::loss::{LOSS_COUNTERS, loss_index};
use grantscope_wire::{HookId, LossKind};

#[map]
static LOSS: PerCpuArray<u64> = PerCpuArray::with_max_entries(LOSS_COUNTERS, 0);

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
        // SAFETY: the pointer is this CPU's own counter, and programs do not migrate while they run.
        unsafe { *counter += count };
    }
}
