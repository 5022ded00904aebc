//! `/dev/xen/gntalloc`: granting pages of our own to another domain.

use std::mem::offset_of;

use super::gntdev::UnmapNotify;
use super::{FlexibleHeader, GrantRef, NONE, ioc};

/// The device node; root only by default.
pub const PATH: &str = "/dev/xen/gntalloc";
/// The file with the driver's limit: the pages that it grants to all users together.
pub const LIMIT: &str = "/sys/module/xen_gntalloc/parameters/limit";

/// `IOCTL_GNTALLOC_ALLOC_GREF`.
pub const ALLOC_GREF: u64 = 0x184705;
/// `IOCTL_GNTALLOC_DEALLOC_GREF`.
pub const DEALLOC_GREF: u64 = 0x104706;
/// `IOCTL_GNTALLOC_SET_UNMAP_NOTIFY`; gntdev has an ioctl of the very same number.
pub const SET_UNMAP_NOTIFY: u64 = 0x104707;

/// `GNTALLOC_FLAG_WRITABLE`: the other domain may write. Exports need it.
pub const FLAG_WRITABLE: u16 = 1;

/// `struct ioctl_gntalloc_alloc_gref`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct AllocGref {
    /// In: the domain to grant to.
    pub domid: u16,
    /// In: 0 or `FLAG_WRITABLE`.
    pub flags: u16,
    /// In: how many pages; over the limit gives ENOSPC.
    pub count: u32,
    /// Out: the offset to mmap.
    pub index: u64,
    /// Out: the references.
    pub gref_ids: [GrantRef; 1],
}

/// `struct ioctl_gntalloc_dealloc_gref`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DeallocGref {
    /// In: the offset the allocation returned.
    pub index: u64,
    /// In: its count of pages.
    pub count: u32,
}

// SAFETY: repr(C), plain integers, alignment 8; the array's offset is asserted below.
unsafe impl FlexibleHeader for AllocGref {
    type Element = GrantRef;
    const ARRAY_OFFSET: usize = offset_of!(Self, gref_ids);
}

const _: () = {
    assert!(ALLOC_GREF == ioc(NONE, b'G', 5, size_of::<AllocGref>()));
    assert!(DEALLOC_GREF == ioc(NONE, b'G', 6, size_of::<DeallocGref>()));
    assert!(SET_UNMAP_NOTIFY == ioc(NONE, b'G', 7, size_of::<UnmapNotify>()));
    assert!(offset_of!(AllocGref, flags) == 2);
    assert!(offset_of!(AllocGref, count) == 4);
    assert!(offset_of!(AllocGref, index) == 8);
    assert!(offset_of!(AllocGref, gref_ids) == 16);
    assert!(offset_of!(DeallocGref, count) == 8);
};

nix::ioctl_readwrite_bad!(
    /// [`ALLOC_GREF`]; the argument's array has `count` elements.
    alloc_gref, ALLOC_GREF, AllocGref);
nix::ioctl_readwrite_bad!(
    /// [`DEALLOC_GREF`]; pages still mapped elsewhere are freed later.
    dealloc_gref, DEALLOC_GREF, DeallocGref);
nix::ioctl_readwrite_bad!(
    /// [`SET_UNMAP_NOTIFY`].
    set_unmap_notify, SET_UNMAP_NOTIFY, UnmapNotify);
