//! `/dev/grantscope-importer`: an importer of dma-bufs that has a device, as a display controller has.
//!
//! From `lab/importer/grantscope-importer.c`, the lab's own module.

use std::mem::offset_of;

use super::{READ_WRITE, WRITE, ioc};

/// The node.
pub const PATH: &str = "/dev/grantscope-importer";

/// `IMPORTER_ATTACH`.
pub const ATTACH: u64 = 0xc008_67d0;
/// `IMPORTER_MAP`.
pub const MAP: u64 = 0x4004_67d1;
/// `IMPORTER_UNMAP`.
pub const UNMAP: u64 = 0x4004_67d2;
/// `IMPORTER_DETACH`.
pub const DETACH: u64 = 0x4004_67d3;

/// `struct importer_attach`: attaches to a dma-buf.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Attach {
    /// In: the dma-buf's descriptor.
    pub fd: i32,
    /// Out: names the attachment, for the other calls.
    pub handle: u32,
}

const _: () = {
    assert!(ATTACH == ioc(READ_WRITE, b'g', 0xd0, size_of::<Attach>()));
    assert!(MAP == ioc(WRITE, b'g', 0xd1, size_of::<u32>()));
    assert!(UNMAP == ioc(WRITE, b'g', 0xd2, size_of::<u32>()));
    assert!(DETACH == ioc(WRITE, b'g', 0xd3, size_of::<u32>()));
    assert!(offset_of!(Attach, handle) == 4);
};

nix::ioctl_readwrite_bad!(
    /// [`ATTACH`].
    attach, ATTACH, Attach);
nix::ioctl_write_ptr_bad!(
    /// [`MAP`], of a handle.
    map, MAP, u32);
nix::ioctl_write_ptr_bad!(
    /// [`UNMAP`], of a handle.
    unmap, UNMAP, u32);
nix::ioctl_write_ptr_bad!(
    /// [`DETACH`], of a handle.
    detach, DETACH, u32);
