//! Shared pages in our address space: raw memory that another domain may change at any time.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;

use crate::uapi::GRANTED_BYTES;

/// A range of pages that is shared with another domain, process or driver. It is unmapped by its owner, not by itself,
/// because that is sometimes an operation to be noted.
pub struct SharedPages {
    base: NonNull<u8>,
    pages: usize,
    page_size: usize,
    writable: bool,
}

// SAFETY: the memory is only ever accessed by aligned atomic operations.
unsafe impl Send for SharedPages {}
// SAFETY: as above.
unsafe impl Sync for SharedPages {}

impl SharedPages {
    /// mmap of `pages` pages of `fd` at `offset`, shared.
    #[inline(always)]
    pub(super) fn map(fd: BorrowedFd<'_>, offset: u64, pages: usize, page_size: usize, writable: bool) -> Result<Self, Errno> {
        let protection = libc::PROT_READ | if writable { libc::PROT_WRITE } else { 0 };
        // SAFETY: a new mapping at an address of the kernel's choosing disturbs nothing of ours.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                pages * page_size,
                protection,
                libc::MAP_SHARED,
                fd.as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let base = NonNull::new(base.cast()).ok_or(Errno::EFAULT)?;
        Ok(Self { base, pages, page_size, writable })
    }

    /// Removes the mapping.
    ///
    /// # Safety
    ///
    /// The pages are not accessed afterwards, and not unmapped a second time.
    #[inline(always)]
    pub(super) unsafe fn unmap(&self) -> Result<(), Errno> {
        // SAFETY: the range is exactly what `map` was given; the caller promises the rest.
        let status = unsafe { libc::munmap(self.base.as_ptr().cast(), self.pages * self.page_size) };
        Errno::result(status).map(drop)
    }

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Reads the word at `offset` of `page`, within its granted 4 KiB. With `Acquire`, whatever its writer wrote before
    /// storing it with `Release` is seen afterwards.
    pub fn read(&self, page: usize, offset: usize) -> u32 {
        self.word(page, offset).load(Ordering::Acquire)
    }

    /// Writes it; a reader that sees the new value sees everything written before.
    pub fn write(&self, page: usize, offset: usize, value: u32) {
        assert!(self.writable, "these pages are mapped for reading only");
        self.word(page, offset).store(value, Ordering::Release);
    }

    /// Hands the granted bytes of a page on. Another domain may change them at any time, so nothing may rely on what they hold.
    pub(super) fn with_granted_bytes<T>(&self, page: usize, hand: impl FnOnce(&[u8]) -> T) -> T {
        assert!(page < self.pages, "page {page} of {}", self.pages);
        // SAFETY: inside the mapping by the assertion, and mapped for as long as `self` is borrowed. The slice only passes
        // its address on: what it holds is not read here.
        let bytes = unsafe { std::slice::from_raw_parts(self.base.as_ptr().add(page * self.page_size), GRANTED_BYTES) };
        hand(bytes)
    }

    /// Copies the granted 4 KiB of a page into `target`, which has exactly that size, as fast as the C library does it.
    pub fn copy_page(&self, page: usize, target: &mut [u8]) {
        assert!(page < self.pages, "page {page} of {}", self.pages);
        assert!(target.len() == GRANTED_BYTES, "a page is copied whole");
        // SAFETY: inside the mapping by the assertions, and mapped for as long as `self` is borrowed. Another domain may change
        // the bytes meanwhile: no reference to them is made, and any bytes are fine in `target`.
        unsafe { libc::memcpy(target.as_mut_ptr().cast(), self.base.as_ptr().add(page * self.page_size).cast(), GRANTED_BYTES) };
    }

    /// Only the granted part of a page is memory: with pages larger than 4 KiB an access to the
    /// rest of one kills the process.
    fn word(&self, page: usize, offset: usize) -> &AtomicU32 {
        assert!(page < self.pages, "page {page} of {}", self.pages);
        assert!(offset + 4 <= GRANTED_BYTES && offset.is_multiple_of(4), "word at {offset}");
        // SAFETY: inside the mapping by the assertions above (a page has at least 4096 bytes),
        // aligned to 4, mapped for as long as `self` is borrowed, and accessed atomically only.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(page * self.page_size + offset).cast()) }
    }
}
