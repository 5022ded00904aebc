//! The atomic operations that the programs need, and that Rust does not have for the BPF machine; and what one function tells the compiler
//! of another.

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

/// For the compiler: what is there may have been read and changed by now. Before and after the call of a function that finds the place by
/// itself, because it can be handed none.
#[inline(always)]
pub fn shared<T>(place: &mut T) {
    // SAFETY: it changes nothing. An instruction there has to be: the kernel refuses two source lines for one (check_btf_line in
    // kernel/bpf/verifier.c, Linux v6.12).
    unsafe { asm!("{place} = {place}", place = inout(reg) &raw mut *place => _) };
}
