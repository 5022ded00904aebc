//! `/dev/udmabuf`: a dma-buf made of ordinary memory, for importing a buffer that is not Xen's.

use std::mem::offset_of;

use super::{WRITE, ioc};

/// The device node.
pub const PATH: &str = "/dev/udmabuf";

/// `UDMABUF_CREATE`.
pub const CREATE: u64 = 0x4018_7542;
/// `UDMABUF_FLAGS_CLOEXEC`.
pub const FLAG_CLOEXEC: u32 = 1;

/// `struct udmabuf_create`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Create {
    /// In: a memfd that is sealed against shrinking.
    pub memfd: u32,
    /// In: `FLAG_CLOEXEC`.
    pub flags: u32,
    /// In: where in the memfd, in bytes, page aligned.
    pub offset: u64,
    /// In: how much, in bytes, page aligned.
    pub size: u64,
}

const _: () = {
    assert!(CREATE == ioc(WRITE, b'u', 0x42, size_of::<Create>()));
    assert!(offset_of!(Create, flags) == 4);
    assert!(offset_of!(Create, offset) == 8);
    assert!(offset_of!(Create, size) == 16);
};

nix::ioctl_write_ptr_bad!(
    /// [`CREATE`]; returns the dma-buf's descriptor.
    create, CREATE, Create);
