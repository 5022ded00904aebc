//! Any dma-buf, granted to another domain page by page.

use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::errno::Errno;

use super::gntdev::GntDev;
use crate::error::{Error, Result};
use crate::truth::{Buffer, Op, Subject};
use crate::uapi::gntdev as abi;
use crate::uapi::{DomId, Flexible, GrantRef};

/// A dma-buf whose kind and size are known.
pub trait Importable: AsFd {
    /// What it is made of.
    fn buffer(&self) -> Buffer;
    /// Its size in pages, exactly.
    fn pages(&self) -> usize;
}

impl<'log> GntDev<'log> {
    /// Attaches to `source`, maps it and grants its pages to `domain`. The domain is not checked
    /// by the driver; Xen will at the first map.
    ///
    /// The driver finds imports by the buffer's descriptor number: close the buffer after the import is released.
    ///
    /// # Errors
    /// The count is over a limit or not that of the buffer, or the kernel has no free references or no dma-bufs.
    pub fn import(&self, source: &impl Importable, domain: DomId) -> Result<Import<'log>> {
        let (buffer, pages) = (source.buffer(), source.pages());
        let count = self.checked_import(pages)?;
        let number = source.as_fd().as_raw_fd();
        let header = abi::DmabufImpToRefs { fd: number as u32, count, domid: domain.into(), reserved: 0, refs: [0] };
        let mut argument = Flexible::new(header, &vec![0; pages]);
        let (raw, pointer) = (self.raw(), argument.as_mut_ptr());
        self.log()
            .call(Subject::new(Op::Import, buffer, pages), || {
                // SAFETY: the argument has `count` elements behind its header and outlives the call.
                unsafe { abi::dmabuf_imp_to_refs(raw, pointer) }
            })
            .map_err(|errno| match errno {
                Errno::ENOTTY => Error::NoDmabuf,
                errno => Error::Operation { op: Op::Import, on: format!("of {pages} {buffer} pages"), errno },
            })?;
        let references = argument.elements().to_vec();
        Ok(Import { device: self.clone(), number, buffer, references, ended: false })
    }

    /// The limits that hold for imports: the driver checks none of them.
    fn checked_import(&self, pages: usize) -> Result<u32> {
        check_import_count(pages).and_then(|()| self.checked("import", pages))
    }
}

/// Refuses what would corrupt the kernel; see [`abi::IMPORT_PAGES_END`].
fn check_import_count(pages: usize) -> Result<()> {
    match pages {
        0 => Err(Error::EmptyCount { call: "import" }),
        abi::IMPORT_PAGES_END.. => Err(Error::ImportTooLarge { count: pages }),
        _ => Ok(()),
    }
}

/// An imported dma-buf: its pages are granted until this ends.
pub struct Import<'log> {
    device: GntDev<'log>,
    number: RawFd,
    buffer: Buffer,
    references: Vec<GrantRef>,
    ended: bool,
}

impl Import<'_> {
    /// One reference per page.
    pub fn references(&self) -> &[GrantRef] {
        &self.references
    }

    /// Revokes the grants and releases the buffer.
    ///
    /// # Errors
    /// The kernel does not know the import.
    pub fn release(mut self) -> Result<()> {
        self.release_once()
    }

    fn release_once(&mut self) -> Result<()> {
        self.ended = true;
        let mut argument = abi::DmabufImpRelease { fd: self.number as u32, reserved: 0 };
        let raw = self.device.raw();
        let pages = self.references.len();
        let subject = Subject::new(Op::ImportRelease, self.buffer, pages);
        self.device
            .log()
            // SAFETY: the argument is of the type that this request takes, and outlives the call.
            .call(subject, || unsafe { abi::dmabuf_imp_release(raw, &mut argument) })
            .map_err(|errno| Error::Operation {
                op: Op::ImportRelease,
                on: format!("of {pages} {} pages", self.buffer),
                errno,
            })?;
        Ok(())
    }
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Its outcome is in the log, and a destructor has no caller to return it to.
            let _ = self.release_once();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_that_would_corrupt_the_kernel_is_refused() {
        assert!(matches!(check_import_count(0), Err(Error::EmptyCount { .. })));
        assert!(check_import_count(65_535).is_ok());
        for pages in [65_536, 65_537, 131_072, usize::MAX] {
            assert!(matches!(
                check_import_count(pages),
                Err(Error::ImportTooLarge { count }) if count == pages
            ));
        }
    }
}
