//! By one instruction: BPF_CMPXCHG (Linux 5.12; on arm64 5.18).

use core::arch::asm;

use grantscope_wire::Turn;

/// Puts `new` in the place of `old` if that is there, in one step and ordered with all other accesses; gives what was there.
#[inline(always)]
pub fn exchange(place: &mut u64, _: Turn, old: u64, new: u64) -> u64 {
    let found;
    // SAFETY: the place is valid and aligned, and all who compete for it come here.
    unsafe {
        asm!(
            "r0 = cmpxchg_64({place} + 0, r0, {new})",
            place = in(reg) &raw mut *place,
            new = in(reg) new,
            inout("r0") old => found,
        );
    }
    found
}

/// Puts `new` in the place of `old`, which is there, and which nobody else replaces; ordered with all other accesses.
#[inline(always)]
pub fn put(place: &mut u64, turn: Turn, old: u64, new: u64) {
    exchange(place, turn, old, new);
}
