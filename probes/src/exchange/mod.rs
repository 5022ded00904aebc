//! The atomic operations that the programs need, and that Rust does not have for the BPF machine.

#[cfg(feature = "early")]
mod held;
#[cfg(not(feature = "early"))]
mod in_one_step;

use core::arch::asm;

#[cfg(feature = "early")]
pub use held::{exchange, put};
#[cfg(not(feature = "early"))]
pub use in_one_step::{exchange, put};

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
