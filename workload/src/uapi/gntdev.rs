//! `/dev/xen/gntdev`: mapping other domains' grants, and dma-bufs made of them.

use std::mem::offset_of;

use super::{FlexibleHeader, GrantRef, NONE, ioc};

/// The device node; root only by default.
pub const PATH: &str = "/dev/xen/gntdev";
/// Where the driver says how many grants one call may take.
pub const LIMIT: &str = "/sys/module/xen_gntdev/parameters/limit";

/// `IOCTL_GNTDEV_MAP_GRANT_REF`.
pub const MAP_GRANT_REF: u64 = 0x184700;
/// `IOCTL_GNTDEV_UNMAP_GRANT_REF`.
pub const UNMAP_GRANT_REF: u64 = 0x104701;
/// `IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR`.
pub const GET_OFFSET_FOR_VADDR: u64 = 0x184702;
/// `IOCTL_GNTDEV_SET_MAX_GRANTS`: in the header, but no kernel since 2019 implements it (ENOTTY).
pub const SET_MAX_GRANTS: u64 = 0x44703;
/// `IOCTL_GNTDEV_SET_UNMAP_NOTIFY`; gntalloc has an ioctl of the very same number.
pub const SET_UNMAP_NOTIFY: u64 = 0x104707;
/// `IOCTL_GNTDEV_GRANT_COPY`.
pub const GRANT_COPY: u64 = 0x104708;
/// `IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS`.
pub const DMABUF_EXP_FROM_REFS: u64 = 0x144709;
/// `IOCTL_GNTDEV_DMABUF_EXP_WAIT_RELEASED`.
pub const DMABUF_EXP_WAIT_RELEASED: u64 = 0x8470a;
/// `IOCTL_GNTDEV_DMABUF_IMP_TO_REFS`.
pub const DMABUF_IMP_TO_REFS: u64 = 0x14470b;
/// `IOCTL_GNTDEV_DMABUF_IMP_RELEASE`.
pub const DMABUF_IMP_RELEASE: u64 = 0x8470c;

/// `GNTDEV_DMA_FLAG_WC`: write-combining memory behind an exported buffer.
pub const DMA_FLAG_WC: u32 = 1;
/// `GNTDEV_DMA_FLAG_COHERENT`: coherent memory behind it. Both flags together: EINVAL.
pub const DMA_FLAG_COHERENT: u32 = 2;

/// `UNMAP_NOTIFY_CLEAR_BYTE`: clear one byte of the page when it is unmapped.
pub const UNMAP_NOTIFY_CLEAR_BYTE: u32 = 1;
/// `UNMAP_NOTIFY_SEND_EVENT`: signal an event channel when the page is unmapped.
pub const UNMAP_NOTIFY_SEND_EVENT: u32 = 2;

/// `GNTCOPY_source_gref`: the source of a copy segment is a grant.
pub const COPY_SOURCE_GREF: u16 = 1;
/// `GNTCOPY_dest_gref`: the destination is.
pub const COPY_DEST_GREF: u16 = 2;

/// Imports are refused from this many pages on. The driver passes the count on as 16 bits
/// (`gnttab_alloc_grant_references(u16 count, …)`, `drivers/xen/grant-table.c`), so 65,536 becomes
/// 0 and the kernel's list of free grants is corrupted.
pub const IMPORT_PAGES_END: usize = 65_536;

/// `struct ioctl_gntdev_grant_ref`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The granting domain.
    pub domid: u32,
    /// Its reference.
    pub reference: GrantRef,
}

/// `struct ioctl_gntdev_map_grant_ref`: allocates pages; the grants are touched by mmap only.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MapGrantRef {
    /// In: how many references follow; 0 or above the limit gives EINVAL.
    pub count: u32,
    /// Unused.
    pub pad: u32,
    /// Out: the offset to mmap.
    pub index: u64,
    /// In: the references.
    pub refs: [Reference; 1],
}

/// `struct ioctl_gntdev_unmap_grant_ref`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UnmapGrantRef {
    /// In: the offset the map call returned.
    pub index: u64,
    /// In: its count of pages. 0 matches any.
    pub count: u32,
    /// Unused.
    pub pad: u32,
}

/// `struct ioctl_gntdev_get_offset_for_vaddr`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GetOffsetForVaddr {
    /// In: an address inside a mapping of this device.
    pub vaddr: u64,
    /// Out: the mapping's offset in the device, in bytes.
    pub offset: u64,
    /// Out: how many pages it has.
    pub count: u32,
    /// Unused.
    pub pad: u32,
}

/// `struct ioctl_gntdev_set_max_grants`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SetMaxGrants {
    /// In: how many grants; no kernel honours it.
    pub count: u32,
}

/// `struct ioctl_gntdev_unmap_notify`, the same as gntalloc's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct UnmapNotify {
    /// In: offset of the byte within the device, in bytes.
    pub index: u64,
    /// In: `UNMAP_NOTIFY_…`.
    pub action: u32,
    /// In: the event channel to signal.
    pub event_channel_port: u32,
}

impl UnmapNotify {
    /// For the page at `index`: its byte at `byte` is cleared, the event channel `port` is signalled, or both.
    pub fn of(index: u64, byte: Option<u16>, port: Option<u32>) -> Self {
        let action = byte.map_or(0, |_| UNMAP_NOTIFY_CLEAR_BYTE) | port.map_or(0, |_| UNMAP_NOTIFY_SEND_EVENT);
        Self { index: index + u64::from(byte.unwrap_or(0)), action, event_channel_port: port.unwrap_or(0) }
    }
}

/// The grant side of one end of a copy.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CopyForeign {
    /// The reference.
    pub reference: GrantRef,
    /// Where in the granted page, in bytes.
    pub offset: u16,
    /// The granting domain.
    pub domid: u16,
}

/// One end of a copy: an address of ours or a place in a grant, as the segment's flags say.
#[repr(C)]
#[derive(Clone, Copy)]
pub union CopyEnd {
    /// An address in this process.
    pub virt: u64,
    /// A place in a granted page.
    pub foreign: CopyForeign,
}

/// `struct gntdev_grant_copy_segment`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct CopySegment {
    /// Where from.
    pub source: CopyEnd,
    /// Where to.
    pub dest: CopyEnd,
    /// How many bytes, within one granted page.
    pub len: u16,
    /// `COPY_…_GREF`.
    pub flags: u16,
    /// Out: Xen's grant status; 0 is success. The ioctl itself succeeds even when this does not.
    pub status: i16,
}

/// `struct ioctl_gntdev_grant_copy`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GrantCopy {
    /// In: how many segments.
    pub count: u32,
    /// In: where they are.
    pub segments: *mut CopySegment,
}

/// `struct ioctl_gntdev_dmabuf_exp_from_refs`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DmabufExpFromRefs {
    /// In: 0, `DMA_FLAG_WC` or `DMA_FLAG_COHERENT`.
    pub flags: u32,
    /// In: how many references follow.
    pub count: u32,
    /// Out: the dma-buf's descriptor.
    pub fd: u32,
    /// In: the granting domain.
    pub domid: u32,
    /// In: the references.
    pub refs: [GrantRef; 1],
}

/// `struct ioctl_gntdev_dmabuf_exp_wait_released`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DmabufExpWaitReleased {
    /// In: the descriptor's *number*; it is looked up in the driver's own list.
    pub fd: u32,
    /// In: how long to wait, in milliseconds; not interruptible.
    pub wait_to_ms: u32,
}

/// `struct ioctl_gntdev_dmabuf_imp_to_refs`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DmabufImpToRefs {
    /// In: any dma-buf.
    pub fd: u32,
    /// In: its size in pages, exactly.
    pub count: u32,
    /// In: the domain to grant to; not checked.
    pub domid: u32,
    /// In: 0.
    pub reserved: u32,
    /// Out: the references.
    pub refs: [GrantRef; 1],
}

/// `struct ioctl_gntdev_dmabuf_imp_release`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DmabufImpRelease {
    /// In: the descriptor number the import was made with.
    pub fd: u32,
    /// In: 0.
    pub reserved: u32,
}

// SAFETY: repr(C), plain integers, alignment 8; the array's offset is asserted below.
unsafe impl FlexibleHeader for MapGrantRef {
    type Element = Reference;
    const ARRAY_OFFSET: usize = offset_of!(Self, refs);
}

// SAFETY: repr(C), plain integers, alignment 4; the array's offset is asserted below.
unsafe impl FlexibleHeader for DmabufExpFromRefs {
    type Element = GrantRef;
    const ARRAY_OFFSET: usize = offset_of!(Self, refs);
}

// SAFETY: repr(C), plain integers, alignment 4; the array's offset is asserted below.
unsafe impl FlexibleHeader for DmabufImpToRefs {
    type Element = GrantRef;
    const ARRAY_OFFSET: usize = offset_of!(Self, refs);
}

const _: () = {
    assert!(MAP_GRANT_REF == ioc(NONE, b'G', 0, size_of::<MapGrantRef>()));
    assert!(UNMAP_GRANT_REF == ioc(NONE, b'G', 1, size_of::<UnmapGrantRef>()));
    assert!(GET_OFFSET_FOR_VADDR == ioc(NONE, b'G', 2, size_of::<GetOffsetForVaddr>()));
    assert!(SET_MAX_GRANTS == ioc(NONE, b'G', 3, size_of::<SetMaxGrants>()));
    assert!(SET_UNMAP_NOTIFY == ioc(NONE, b'G', 7, size_of::<UnmapNotify>()));
    assert!(GRANT_COPY == ioc(NONE, b'G', 8, size_of::<GrantCopy>()));
    assert!(DMABUF_EXP_FROM_REFS == ioc(NONE, b'G', 9, size_of::<DmabufExpFromRefs>()));
    assert!(DMABUF_EXP_WAIT_RELEASED == ioc(NONE, b'G', 10, size_of::<DmabufExpWaitReleased>()));
    assert!(DMABUF_IMP_TO_REFS == ioc(NONE, b'G', 11, size_of::<DmabufImpToRefs>()));
    assert!(DMABUF_IMP_RELEASE == ioc(NONE, b'G', 12, size_of::<DmabufImpRelease>()));

    assert!(offset_of!(MapGrantRef, count) == 0);
    assert!(offset_of!(MapGrantRef, index) == 8);
    assert!(offset_of!(MapGrantRef, refs) == 16);
    assert!(offset_of!(Reference, reference) == 4 && size_of::<Reference>() == 8);
    assert!(offset_of!(UnmapGrantRef, count) == 8);
    assert!(offset_of!(GetOffsetForVaddr, offset) == 8);
    assert!(offset_of!(GetOffsetForVaddr, count) == 16);
    assert!(offset_of!(UnmapNotify, action) == 8);
    assert!(offset_of!(UnmapNotify, event_channel_port) == 12);
    assert!(offset_of!(GrantCopy, segments) == 8);
    assert!(size_of::<CopySegment>() == 24);
    assert!(offset_of!(CopySegment, dest) == 8);
    assert!(offset_of!(CopySegment, len) == 16);
    assert!(offset_of!(CopySegment, flags) == 18);
    assert!(offset_of!(CopySegment, status) == 20);
    assert!(offset_of!(CopyForeign, offset) == 4 && offset_of!(CopyForeign, domid) == 6);
    assert!(offset_of!(DmabufExpFromRefs, count) == 4);
    assert!(offset_of!(DmabufExpFromRefs, fd) == 8);
    assert!(offset_of!(DmabufExpFromRefs, domid) == 12);
    assert!(offset_of!(DmabufExpFromRefs, refs) == 16);
    assert!(offset_of!(DmabufExpWaitReleased, wait_to_ms) == 4);
    assert!(offset_of!(DmabufImpToRefs, count) == 4);
    assert!(offset_of!(DmabufImpToRefs, domid) == 8);
    assert!(offset_of!(DmabufImpToRefs, refs) == 16);
    assert!(offset_of!(DmabufImpRelease, reserved) == 4);
};

nix::ioctl_readwrite_bad!(
    /// [`MAP_GRANT_REF`]; the argument's array has `count` elements.
    map_grant_ref, MAP_GRANT_REF, MapGrantRef);
nix::ioctl_readwrite_bad!(
    /// [`UNMAP_GRANT_REF`]; returns 0 even while the range is mmapped.
    unmap_grant_ref, UNMAP_GRANT_REF, UnmapGrantRef);
nix::ioctl_readwrite_bad!(
    /// [`GET_OFFSET_FOR_VADDR`]; EINVAL for an address that is not ours.
    get_offset_for_vaddr, GET_OFFSET_FOR_VADDR, GetOffsetForVaddr);
nix::ioctl_readwrite_bad!(
    /// [`SET_MAX_GRANTS`]; ENOTTY.
    set_max_grants, SET_MAX_GRANTS, SetMaxGrants);
nix::ioctl_readwrite_bad!(
    /// [`SET_UNMAP_NOTIFY`].
    set_unmap_notify, SET_UNMAP_NOTIFY, UnmapNotify);
nix::ioctl_readwrite_bad!(
    /// [`GRANT_COPY`]; check each segment's status.
    grant_copy, GRANT_COPY, GrantCopy);
nix::ioctl_readwrite_bad!(
    /// [`DMABUF_EXP_FROM_REFS`]; allocates, maps and exports in one call.
    dmabuf_exp_from_refs, DMABUF_EXP_FROM_REFS, DmabufExpFromRefs);
nix::ioctl_readwrite_bad!(
    /// [`DMABUF_EXP_WAIT_RELEASED`]; ENOENT: released already, or never known.
    dmabuf_exp_wait_released, DMABUF_EXP_WAIT_RELEASED, DmabufExpWaitReleased);
nix::ioctl_readwrite_bad!(
    /// [`DMABUF_IMP_TO_REFS`]; never with [`IMPORT_PAGES_END`] pages or more.
    dmabuf_imp_to_refs, DMABUF_IMP_TO_REFS, DmabufImpToRefs);
nix::ioctl_readwrite_bad!(
    /// [`DMABUF_IMP_RELEASE`]; ENOENT: no such import on this descriptor.
    dmabuf_imp_release, DMABUF_IMP_RELEASE, DmabufImpRelease);
