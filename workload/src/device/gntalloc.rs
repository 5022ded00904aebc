//! `/dev/xen/gntalloc`: granting pages of this domain to another.

use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;

use super::memory::SharedPages;
use super::open::{open_xen, page_size};
use super::parameter::{checked, read_limit};
use crate::error::{Error, Result};
use crate::truth::{Buffer, Log, Op, Subject};
use crate::uapi::gntalloc as abi;
use crate::uapi::gntdev::UnmapNotify;
use crate::uapi::{DomId, Flexible, GrantRef};

const ADVICE: &str = "load the module xen-gntalloc (modprobe xen-gntalloc), or build the kernel \
                      with CONFIG_XEN_GRANT_DEV_ALLOC";

/// One open of the granting device, which whatever is granted through it keeps open. Its opening and closing are not operations.
#[derive(Clone)]
pub struct GntAlloc<'log> {
    fd: Arc<OwnedFd>,
    log: &'log Log,
    page_size: usize,
}

impl<'log> GntAlloc<'log> {
    /// Opens the device.
    ///
    /// # Errors
    /// The device is not there, or may not be opened.
    pub fn open(log: &'log Log) -> Result<Self> {
        Ok(Self { fd: Arc::new(open_xen(abi::PATH, ADVICE)?), log, page_size: page_size() })
    }

    /// Allocates `pages` zeroed pages and grants them to `domain`, writable.
    ///
    /// # Errors
    /// The count is 0 or over the limit, or the kernel has no memory or no free references.
    pub fn grant(&self, domain: DomId, pages: usize) -> Result<Granted<'log>> {
        // Large counts overflow the driver's own check on 6.12 and end in a kernel warning.
        let count = checked("grant", pages, read_limit(abi::LIMIT)?, abi::LIMIT)?;
        let header = abi::AllocGref { domid: domain, flags: abi::FLAG_WRITABLE, count, index: 0, gref_ids: [0] };
        let mut argument = Flexible::new(header, &vec![0; pages]);
        let (raw, pointer) = (self.fd.as_raw_fd(), argument.as_mut_ptr());
        self.log
            .call(Subject::new(Op::Grant, Buffer::Pages, pages), || {
                // SAFETY: the argument has `count` elements behind its header and outlives the call.
                unsafe { abi::alloc_gref(raw, pointer) }
            })
            .map_err(|errno| Error::Operation { op: Op::Grant, on: format!("of {pages} pages to domain {domain}"), errno })?;
        let (device, references) = (self.clone(), argument.elements().to_vec());
        Ok(Granted { device, index: argument.header().index, references, ended: false })
    }
}

/// Pages of ours that another domain may map.
pub struct Granted<'log> {
    device: GntAlloc<'log>,
    index: u64,
    references: Vec<GrantRef>,
    ended: bool,
}

impl Granted<'_> {
    /// One reference per page.
    pub fn references(&self) -> &[GrantRef] {
        &self.references
    }

    /// The pages themselves, to fill or read. Not an operation.
    ///
    /// # Errors
    /// The kernel refuses the mapping.
    pub fn mmap(&self) -> Result<GrantedPages<'_>> {
        let (fd, pages) = (self.device.fd.as_fd(), self.references.len());
        let memory = SharedPages::map(fd, self.index, pages, self.device.page_size, true).map_err(|errno| Error::Call {
            call: "mmap",
            on: format!("{pages} pages of {}", abi::PATH),
            errno,
        })?;
        Ok(GrantedPages { memory, granted: self })
    }

    /// Asks for something to happen when the last user of `page` unmaps it: its byte at `byte`
    /// cleared, the event channel `port` signalled, or both.
    ///
    /// # Errors
    /// The kernel refuses the page or the port.
    pub fn notify_on_unmap(&self, page: usize, byte: Option<u16>, port: Option<u32>) -> Result<()> {
        let mut argument = UnmapNotify::of(self.index + (page * self.device.page_size) as u64, byte, port);
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        unsafe { abi::set_unmap_notify(self.device.fd.as_raw_fd(), &mut argument) }.map_err(|errno| Error::Call {
            call: "SET_UNMAP_NOTIFY",
            on: abi::PATH.to_owned(),
            errno,
        })?;
        Ok(())
    }

    /// Revokes the grants. Pages that the other domain still maps are freed when it unmaps them.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn ungrant(mut self) -> Result<()> {
        let pages = self.references.len();
        self.ungrant_once().map_err(|errno| Error::Operation { op: Op::Ungrant, on: format!("of {pages} pages"), errno })
    }

    fn ungrant_once(&mut self) -> Result<(), Errno> {
        self.ended = true;
        let pages = self.references.len();
        let mut argument = abi::DeallocGref { index: self.index, count: pages as u32 };
        let raw = self.device.fd.as_raw_fd();
        self.device
            .log
            .call(Subject::new(Op::Ungrant, Buffer::Pages, pages), || {
                // SAFETY: the argument is of the type that this request takes, and outlives the call.
                unsafe { abi::dealloc_gref(raw, &mut argument) }
            })
            .map(drop)
    }
}

impl Drop for Granted<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Its outcome is in the log, and a destructor has no caller to return it to.
            let _ = self.ungrant_once();
        }
    }
}

/// Granted pages in this process's own address space.
pub struct GrantedPages<'granted> {
    memory: SharedPages,
    granted: &'granted Granted<'granted>,
}

impl GrantedPages<'_> {
    /// The pages' references, in their order.
    pub fn references(&self) -> &[GrantRef] {
        self.granted.references()
    }
}

impl Deref for GrantedPages<'_> {
    type Target = SharedPages;

    fn deref(&self) -> &SharedPages {
        &self.memory
    }
}

impl Drop for GrantedPages<'_> {
    fn drop(&mut self) {
        // SAFETY: this is the end of `self`, the only user of the memory.
        let _ = unsafe { self.memory.unmap() };
    }
}
