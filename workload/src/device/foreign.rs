//! Dma-bufs that are not Xen's, to be imported: from udmabuf, or from a dma-heap.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::ftruncate;

use super::import::Importable;
use super::memory::SharedPages;
use super::open::{open_device, page_size};
use crate::error::{Error, Result};
use crate::truth::Buffer;
use crate::uapi::{GRANTED_BYTES, dma_heap, udmabuf};

const MEMFD_NAME: &CStr = c"grantscope";

/// Where a dma-buf that is not Xen's comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// From udmabuf.
    Udmabuf,
    /// From the system's dma-heap.
    DmaHeap,
}

/// A dma-buf of ordinary memory, made by `/dev/udmabuf`.
pub struct UdmaBuf;

impl UdmaBuf {
    /// Makes one of `pages` pages; at most 64 MiB by default
    /// (`/sys/module/udmabuf/parameters/size_limit_mb`).
    ///
    /// # Errors
    /// The kernel has no udmabuf, or refuses the size.
    pub fn create(pages: usize) -> Result<ForeignBuf> {
        let device = open_device(udmabuf::PATH, "build the kernel with CONFIG_UDMABUF")?;
        let memfd = sealed_memfd(pages * page_size()).map_err(|errno| Error::Call {
            call: "memfd_create",
            on: format!("{pages} pages"),
            errno,
        })?;
        let argument = udmabuf::Create {
            memfd: memfd.as_raw_fd() as u32,
            flags: udmabuf::FLAG_CLOEXEC,
            offset: 0,
            size: (pages * page_size()) as u64,
        };
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        let fd = unsafe { udmabuf::create(device.as_raw_fd(), &argument) }.map_err(|errno| Error::Call {
            call: "UDMABUF_CREATE",
            on: format!("{pages} pages"),
            errno,
        })?;
        // SAFETY: the call succeeded, so this descriptor was just made for us.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(ForeignBuf { fd, pages })
    }
}

/// udmabuf takes only memory that cannot be pulled away from under it.
fn sealed_memfd(bytes: usize) -> Result<OwnedFd, Errno> {
    let memfd = memfd_create(MEMFD_NAME, MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING)?;
    ftruncate(&memfd, bytes as libc::off_t)?;
    fcntl(&memfd, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_SHRINK))?;
    Ok(memfd)
}

/// A dma-buf from a heap of the kernel.
pub struct DmaHeap;

impl DmaHeap {
    /// Takes `pages` pages from the system heap.
    ///
    /// # Errors
    /// The kernel has no such heap, or no memory.
    pub fn allocate(pages: usize) -> Result<ForeignBuf> {
        let device = open_device(dma_heap::SYSTEM_PATH, "build the kernel with CONFIG_DMABUF_HEAPS_SYSTEM")?;
        let mut argument = dma_heap::Alloc {
            len: (pages * page_size()) as u64,
            fd: 0,
            fd_flags: (libc::O_RDWR | libc::O_CLOEXEC) as u32,
            heap_flags: 0,
        };
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        unsafe { dma_heap::alloc(device.as_raw_fd(), &mut argument) }.map_err(|errno| Error::Call {
            call: "DMA_HEAP_IOCTL_ALLOC",
            on: format!("{pages} pages"),
            errno,
        })?;
        // SAFETY: the call succeeded, so this descriptor was just made for us.
        let fd = unsafe { OwnedFd::from_raw_fd(argument.fd as i32) };
        Ok(ForeignBuf { fd, pages })
    }
}

/// A dma-buf of another driver. Its making and closing are not operations on grants.
pub struct ForeignBuf {
    fd: OwnedFd,
    pages: usize,
}

impl ForeignBuf {
    /// Makes one of `pages` pages.
    ///
    /// # Errors
    /// The kernel has no such device, or refuses the pages.
    pub fn of(memory: Memory, pages: usize) -> Result<Self> {
        match memory {
            Memory::Udmabuf => UdmaBuf::create(pages),
            Memory::DmaHeap => DmaHeap::allocate(pages),
        }
    }

    /// Fills every word of its pages, with what `contents` gives for a page.
    ///
    /// # Errors
    /// The buffer cannot be mapped.
    pub fn fill(&self, contents: impl Fn(usize) -> u32) -> Result<()> {
        let failed = |call| move |errno| Error::Call { call, on: format!("a dma-buf of {} pages", self.pages), errno };
        let memory = SharedPages::map(self.as_fd(), 0, self.pages, page_size(), true).map_err(failed("mmap"))?;
        for page in 0..self.pages {
            for offset in (0..GRANTED_BYTES).step_by(4) {
                memory.write(page, offset, contents(page));
            }
        }
        // SAFETY: it is not used after this.
        unsafe { memory.unmap() }.map_err(failed("munmap"))
    }

    /// From udmabuf, or where the kernel has none, from the system heap.
    ///
    /// # Errors
    /// The kernel has neither, or refuses the size.
    pub fn of_any_kind(pages: usize) -> Result<Self> {
        match UdmaBuf::create(pages) {
            Err(Error::NoDevice { .. }) => DmaHeap::allocate(pages).map_err(|error| match error {
                Error::NoDevice { .. } => Error::NoDevice {
                    path: udmabuf::PATH,
                    advice: "build the kernel with CONFIG_UDMABUF or CONFIG_DMABUF_HEAPS_SYSTEM, or \
                             leave foreign out of --buffers",
                },
                other => other,
            }),
            other => other,
        }
    }
}

impl AsFd for ForeignBuf {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Importable for ForeignBuf {
    fn buffer(&self) -> Buffer {
        Buffer::Foreign
    }

    fn pages(&self) -> usize {
        self.pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_behind_a_udmabuf_cannot_shrink() {
        let memfd = sealed_memfd(8192).unwrap();
        assert_eq!(ftruncate(&memfd, 4096), Err(Errno::EPERM));
        assert_eq!(ftruncate(&memfd, 16384), Ok(()));
    }
}
