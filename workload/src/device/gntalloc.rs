//! `/dev/xen/gntalloc`: granting pages of this domain to another.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;

use super::memory::SharedPages;
use super::open::{open_xen, page_size};
use super::parameter::read_limit;
use crate::error::{Error, Result};
use crate::truth::{Buffer, Log, Op, Subject};
use crate::uapi::gntalloc as abi;
use crate::uapi::gntdev::{UNMAP_NOTIFY_CLEAR_BYTE, UNMAP_NOTIFY_SEND_EVENT, UnmapNotify};
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
    pub fn open(log: &'log Log) -> Result<Self> {
        Ok(Self { fd: Arc::new(open_xen(abi::PATH, ADVICE)?), log, page_size: page_size() })
    }

    /// Allocates `pages` zeroed pages and grants them to `domain`, writable.
    pub fn grant(&self, domain: DomId, pages: usize) -> Result<Granted<'log>> {
        // Large counts overflow the driver's own check on 6.12 and end in a kernel warning.
        let count = check_count(pages, read_limit(abi::LIMIT)?)?;
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

/// What the driver checks too late or not at all.
fn check_count(pages: usize, limit: usize) -> Result<u32> {
    match u32::try_from(pages) {
        Ok(0) => Err(Error::EmptyCount { call: "grant" }),
        Ok(count) if pages <= limit => Ok(count),
        _ => Err(Error::OverLimit { call: "grant", count: pages, limit, limit_path: abi::LIMIT }),
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
    pub fn notify_on_unmap(&self, page: usize, byte: Option<u16>, port: Option<u32>) -> Result<()> {
        let offset = page * self.device.page_size + usize::from(byte.unwrap_or(0));
        let mut argument = UnmapNotify {
            index: self.index + offset as u64,
            action: byte.map_or(0, |_| UNMAP_NOTIFY_CLEAR_BYTE) | port.map_or(0, |_| UNMAP_NOTIFY_SEND_EVENT),
            event_channel_port: port.unwrap_or(0),
        };
        // SAFETY: the argument is of the type this number stands for and outlives the call.
        unsafe { abi::set_unmap_notify(self.device.fd.as_raw_fd(), &mut argument) }.map_err(|errno| Error::Call {
            call: "SET_UNMAP_NOTIFY",
            on: abi::PATH.to_owned(),
            errno,
        })?;
        Ok(())
    }

    /// Takes the grants back. Pages that the other domain still maps are freed when it lets go.
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
                // SAFETY: the argument is of the type this number stands for and outlives the call.
                unsafe { abi::dealloc_gref(raw, &mut argument) }
            })
            .map(drop)
    }
}

impl Drop for Granted<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Its outcome is in the log; there is nobody left to tell.
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

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        self.memory.pages()
    }

    /// The word at `offset` of `page`.
    pub fn read(&self, page: usize, offset: usize) -> u32 {
        self.memory.read(page, offset)
    }

    /// Writes it; whoever reads the new value sees everything written before.
    pub fn write(&self, page: usize, offset: usize, value: u32) {
        self.memory.write(page, offset, value);
    }

    /// Hands the bytes of a page to something that does not read them itself, such as a system call.
    pub(super) fn with_granted_bytes<T>(&self, page: usize, hand: impl FnOnce(&[u8]) -> T) -> T {
        self.memory.with_granted_bytes(page, hand)
    }
}

impl Drop for GrantedPages<'_> {
    fn drop(&mut self) {
        // SAFETY: this is the end of `self`, the only user of the memory.
        let _ = unsafe { self.memory.unmap() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_of_nothing_or_of_more_than_the_limit_is_refused() {
        assert!(matches!(check_count(0, 1024), Err(Error::EmptyCount { call: "grant" })));
        assert_eq!(check_count(1024, 1024).unwrap(), 1024);
        assert!(matches!(check_count(1025, 1024), Err(Error::OverLimit { count: 1025, .. })));
        // This one makes 6.12 warn about an allocation of 16 GiB.
        assert!(check_count(0xffff_fff0, 1024).is_err());
    }
}
