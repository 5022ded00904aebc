//! `/dev/dma_heap/*`: dma-bufs from the kernel's own heaps, where there is no udmabuf.

use std::mem::offset_of;

use super::{READ_WRITE, ioc};

/// The heap every kernel with dma-heaps has: ordinary pages.
pub const SYSTEM_PATH: &str = "/dev/dma_heap/system";

/// `DMA_HEAP_IOCTL_ALLOC`.
pub const ALLOC: u64 = 0xc018_4800;

/// `struct dma_heap_allocation_data`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Alloc {
    /// In: bytes; rounded up to whole pages.
    pub len: u64,
    /// Out: the dma-buf's descriptor.
    pub fd: u32,
    /// In: `O_CLOEXEC` and an access mode.
    pub fd_flags: u32,
    /// In: 0.
    pub heap_flags: u64,
}

const _: () = {
    assert!(ALLOC == ioc(READ_WRITE, b'H', 0, size_of::<Alloc>()));
    assert!(offset_of!(Alloc, fd) == 8);
    assert!(offset_of!(Alloc, fd_flags) == 12);
    assert!(offset_of!(Alloc, heap_flags) == 16);
};

nix::ioctl_readwrite_bad!(
    /// [`ALLOC`].
    alloc, ALLOC, Alloc);
