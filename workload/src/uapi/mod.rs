//! The kernel's own words: ioctl numbers and argument layouts of the devices the workload drives.
//!
//! Facts are those of Linux 6.12 (`include/uapi/xen/gntdev.h`, `include/uapi/xen/gntalloc.h`,
//! `include/uapi/linux/udmabuf.h`, `include/uapi/linux/dma-heap.h`, `include/uapi/drm/drm.h`); they have not changed since.
//!
//! The kernel compares the whole ioctl number, and the number contains the size of the argument
//! **with one array element**. So a number is a constant here, is never computed from the size of
//! a longer array, and is checked against its layout when this crate is compiled.

pub mod dma_heap;
pub mod drm;
pub mod evtchn;
pub mod fault_injection;
pub mod flexible;
pub mod gntalloc;
pub mod gntdev;
pub mod udmabuf;
pub mod xenstore;

pub use flexible::{Flexible, FlexibleHeader};

/// A domain's number as the interfaces take it. gntdev truncates it to 16 bits.
pub type DomId = u16;

/// A grant reference: an index into the granting domain's grant table.
pub type GrantRef = u32;

/// The part of a page that a grant covers: 4 KiB, whatever the kernel's page size is
/// (`include/xen/page.h`, `XEN_PAGE_SIZE`).
pub const GRANTED_BYTES: usize = 4096;

/// `_IOC(direction, type, number, size)` of `include/uapi/asm-generic/ioctl.h`.
pub(crate) const fn ioc(direction: u64, kind: u8, number: u8, size: usize) -> u64 {
    assert!(size < 1 << 14, "an ioctl number has 14 bits for the size");
    (direction << 30) | ((size as u64) << 16) | ((kind as u64) << 8) | number as u64
}

/// `_IOC_NONE`: all of Xen's own ioctls use it, although they do pass data.
pub(crate) const NONE: u64 = 0;
/// `_IOC_WRITE`: user space passes data in.
pub(crate) const WRITE: u64 = 1;
/// `_IOC_READ | _IOC_WRITE`.
pub(crate) const READ_WRITE: u64 = 3;
