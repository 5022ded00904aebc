//! The kernel's own words: ioctl numbers and argument layouts of the devices the workload drives.
//!
//! Facts are those of Linux 6.12 (`include/uapi/xen/gntdev.h`, `include/uapi/xen/gntalloc.h`,
//! `include/uapi/linux/udmabuf.h`, `include/uapi/linux/dma-heap.h`, `include/uapi/drm/drm.h`); they have not changed since.
//! The importer's is that of the lab's own module.
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
pub mod importer;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_its_line_in_the_documentation() {
        let documented = include_str!("../../../docs/uapi.md");
        let calls = [
            ("gntdev MAP_GRANT_REF", gntdev::MAP_GRANT_REF),
            ("gntdev UNMAP_GRANT_REF", gntdev::UNMAP_GRANT_REF),
            ("gntdev GET_OFFSET_FOR_VADDR", gntdev::GET_OFFSET_FOR_VADDR),
            ("gntdev SET_MAX_GRANTS", gntdev::SET_MAX_GRANTS),
            ("gntdev SET_UNMAP_NOTIFY", gntdev::SET_UNMAP_NOTIFY),
            ("gntdev GRANT_COPY", gntdev::GRANT_COPY),
            ("gntdev DMABUF_EXP_FROM_REFS", gntdev::DMABUF_EXP_FROM_REFS),
            ("gntdev DMABUF_EXP_WAIT_RELEASED", gntdev::DMABUF_EXP_WAIT_RELEASED),
            ("gntdev DMABUF_IMP_TO_REFS", gntdev::DMABUF_IMP_TO_REFS),
            ("gntdev DMABUF_IMP_RELEASE", gntdev::DMABUF_IMP_RELEASE),
            ("gntalloc ALLOC_GREF", gntalloc::ALLOC_GREF),
            ("gntalloc DEALLOC_GREF", gntalloc::DEALLOC_GREF),
            ("gntalloc SET_UNMAP_NOTIFY", gntalloc::SET_UNMAP_NOTIFY),
            ("evtchn BIND_INTERDOMAIN", evtchn::BIND_INTERDOMAIN),
            ("evtchn BIND_UNBOUND_PORT", evtchn::BIND_UNBOUND_PORT),
            ("evtchn NOTIFY", evtchn::NOTIFY),
            ("udmabuf UDMABUF_CREATE", udmabuf::CREATE),
            ("dma-heap DMA_HEAP_IOCTL_ALLOC", dma_heap::ALLOC),
            ("DRM DRM_IOCTL_VERSION", drm::VERSION),
            ("DRM DRM_IOCTL_PRIME_FD_TO_HANDLE", drm::PRIME_FD_TO_HANDLE),
            ("DRM DRM_IOCTL_GEM_CLOSE", drm::GEM_CLOSE),
            ("importer IMPORTER_ATTACH", importer::ATTACH),
            ("importer IMPORTER_MAP", importer::MAP),
            ("importer IMPORTER_UNMAP", importer::UNMAP),
            ("importer IMPORTER_DETACH", importer::DETACH),
        ];
        for (call, number) in calls {
            let line = format!("| {call} | `{number:#x}` | ");
            assert!(documented.contains(&line), "docs/uapi.md has no line that begins with {line}");
        }
        let lines = documented.lines().filter(|line| line.contains(" | `0x")).count();
        assert_eq!(lines, calls.len(), "docs/uapi.md has lines of other calls");
    }
}
