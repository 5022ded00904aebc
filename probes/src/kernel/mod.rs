//! The running kernel, as far as it differs from others: what the collector fills in before it loads the programs.

use grantscope_wire::Kernel;

#[unsafe(no_mangle)]
static KERNEL: Kernel = Kernel::UNFILLED;

/// A field of it. Read volatile: the compiler must not believe the value that it sees here.
macro_rules! filled_in {
    ($($field:ident).+) => {
        // SAFETY: a plain static; volatile because the loader rewrites it.
        unsafe { ::core::ptr::read_volatile(&raw const $crate::kernel::KERNEL.$($field).+) }
    };
}

pub mod current;
pub mod fields;

/// Where the grant table's functions start and end; 0: not known.
#[inline(always)]
pub fn grant_table() -> (u64, u64) {
    (filled_in!(grant_table_start), filled_in!(grant_table_end))
}

/// Where a processor's preemption count lies within what is its own, and the array that says where that starts; `None`: not known.
#[inline(always)]
pub fn processors() -> Option<(u64, u64)> {
    match filled_in!(processor_offsets) {
        0 => None,
        offsets => Some((filled_in!(preempt_count_in_processor), offsets)),
    }
}

/// The function that serves the ioctls of gntdev.
#[inline(always)]
pub fn gntdev_ioctl() -> u64 {
    filled_in!(gntdev_ioctl)
}

/// The function that serves those of dma-bufs.
#[inline(always)]
pub fn dma_buf_ioctl() -> u64 {
    filled_in!(dma_buf_ioctl)
}

/// The function that ends the dma-bufs that gntdev exported.
#[inline(always)]
pub fn dmabuf_exp_ops_release() -> u64 {
    filled_in!(dmabuf_exp_ops_release)
}

/// Bits of an address within a page.
#[inline(always)]
pub fn page_shift() -> u32 {
    filled_in!(page_shift) as u32 & 31
}

#[inline(always)]
pub fn is_pv_domain() -> bool {
    filled_in!(pv_domain) != 0
}
