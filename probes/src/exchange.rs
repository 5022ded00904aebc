//! The atomic operations that the programs need, and that Rust does not have for the BPF machine.

use core::arch::asm;

/// Puts `new` in the place of `old` if that is there, in one step and ordered with all other accesses; gives what was there
/// (BPF_CMPXCHG, Linux 5.12; on arm64 5.18).
#[inline(always)]
pub fn exchange(place: &mut u64, old: u64, new: u64) -> u64 {
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

/// Adds to what is there, in one step (BPF_XADD).
#[inline(always)]
pub fn add(place: &mut u64, value: u64) {
    // SAFETY: the place is valid and aligned, and all who add to it come here.
    unsafe {
        asm!(
            "lock *(u64 *)({place} + 0) += {value}",
            place = in(reg) &raw mut *place,
            value = in(reg) value,
        );
    }
}
