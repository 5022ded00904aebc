//! `/dev/dri/*`: handing a dma-buf to a display driver, which attaches to it and maps it.
//!
//! From `include/uapi/drm/drm.h`.

use std::mem::offset_of;
use std::ptr::null_mut;

use super::{READ_WRITE, WRITE, ioc};

/// Where the nodes are.
pub const DIRECTORY: &str = "/dev/dri";
/// What the names of nodes begin with that render only (`drm_sysfs_minor_alloc` in `drivers/gpu/drm/drm_sysfs.c`).
pub const RENDER_NODE: &str = "renderD";

/// `DRM_IOCTL_VERSION`.
pub const VERSION: u64 = 0xc040_6400;
/// `DRM_IOCTL_GEM_CLOSE`.
pub const GEM_CLOSE: u64 = 0x4008_6409;
/// `DRM_IOCTL_PRIME_FD_TO_HANDLE`.
pub const PRIME_FD_TO_HANDLE: u64 = 0xc00c_642e;

/// `struct drm_version`: who drives the node. A text is copied as far as its buffer goes, without a zero behind it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Version {
    /// Out.
    pub version_major: i32,
    /// Out.
    pub version_minor: i32,
    /// Out.
    pub version_patchlevel: i32,
    /// In: room for the name, in bytes. Out: its length, even if that is more.
    pub name_len: usize,
    /// In: where the driver's name goes; null: nowhere.
    pub name: *mut u8,
    /// As `name_len`.
    pub date_len: usize,
    /// As `name`.
    pub date: *mut u8,
    /// As `name_len`.
    pub desc_len: usize,
    /// As `name`.
    pub desc: *mut u8,
}

impl Version {
    /// Asks for the driver's name and for no other text.
    pub fn asking_for_name(name: &mut [u8]) -> Self {
        Self {
            version_major: 0,
            version_minor: 0,
            version_patchlevel: 0,
            name_len: name.len(),
            name: name.as_mut_ptr(),
            date_len: 0,
            date: null_mut(),
            desc_len: 0,
            desc: null_mut(),
        }
    }
}

/// `struct drm_gem_close`: forgets a handle; the last one of an imported buffer unmaps it and detaches.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GemClose {
    /// In: the handle.
    pub handle: u32,
    /// Unused.
    pub pad: u32,
}

/// `struct drm_prime_handle`: attaches to a dma-buf and maps it, unless this open of the node has done so before.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PrimeHandle {
    /// Out: the handle.
    pub handle: u32,
    /// Of no meaning in this direction.
    pub flags: u32,
    /// In: the dma-buf's descriptor.
    pub fd: i32,
}

const _: () = {
    assert!(VERSION == ioc(READ_WRITE, b'd', 0x00, size_of::<Version>()));
    assert!(GEM_CLOSE == ioc(WRITE, b'd', 0x09, size_of::<GemClose>()));
    assert!(PRIME_FD_TO_HANDLE == ioc(READ_WRITE, b'd', 0x2e, size_of::<PrimeHandle>()));
    assert!(offset_of!(Version, name_len) == 16);
    assert!(offset_of!(Version, name) == 24);
    assert!(offset_of!(Version, date_len) == 32);
    assert!(offset_of!(Version, date) == 40);
    assert!(offset_of!(Version, desc_len) == 48);
    assert!(offset_of!(Version, desc) == 56);
    assert!(offset_of!(GemClose, pad) == 4);
    assert!(offset_of!(PrimeHandle, flags) == 4);
    assert!(offset_of!(PrimeHandle, fd) == 8);
};

nix::ioctl_readwrite_bad!(
    /// [`VERSION`]; writes through the pointers, as far as their lengths allow.
    version, VERSION, Version);
nix::ioctl_write_ptr_bad!(
    /// [`GEM_CLOSE`].
    gem_close, GEM_CLOSE, GemClose);
nix::ioctl_readwrite_bad!(
    /// [`PRIME_FD_TO_HANDLE`].
    prime_fd_to_handle, PRIME_FD_TO_HANDLE, PrimeHandle);
