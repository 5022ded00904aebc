//! `/dev/xen/gntdev`: mapping another domain's grants into this process.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd, RawFd};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

use super::memory::SharedPages;
use super::open::{open_xen, page_size};
use super::parameter::{checked, read_limit};
use crate::error::{Error, Result};
use crate::truth::{Buffer, Log, Op, Subject, Timed, Why, timed};
use crate::uapi::gntdev::{self as abi, Reference};
use crate::uapi::{DomId, Flexible, GrantRef};

const ADVICE: &str = "load the module xen-gntdev (modprobe xen-gntdev), or build the kernel with \
                      CONFIG_XEN_GNTDEV";

/// One open of the grant device. Whatever is made on it keeps it open, and so does every clone: the last of them closes it.
#[derive(Clone)]
pub struct GntDev<'log> {
    open: Arc<Open<'log>>,
}

struct Open<'log> {
    /// The descriptor; negative once it was closed.
    raw: AtomicI32,
    log: &'log Log,
    limit: usize,
    page_size: usize,
    /// Mappings and exported buffers: each keeps the open file as the descriptor does (`vma->vm_file`; `filp` in `gntdev_dmabuf_priv`,
    /// drivers/xen/gntdev-dmabuf.c, Linux v6.12).
    holders: AtomicUsize,
    /// The maps that there are, by index: their pages, and whether Xen has mapped any of them. The last close unmaps them.
    maps: Mutex<BTreeMap<u64, (usize, bool)>>,
}

impl Open<'_> {
    fn maps(&self) -> MutexGuard<'_, BTreeMap<u64, (usize, bool)>> {
        // What is in it is whole, whatever happened to the thread that held it.
        self.maps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last close unmaps whatever is still there.
    fn note_torn_down(&self) {
        for (_, (pages, _)) in std::mem::take(&mut *self.maps()).into_iter().filter(|(_, (_, granted))| *granted) {
            self.log.note_teardown(Buffer::Pages, pages);
        }
    }

    /// The descriptor, for closing it: at most once.
    fn take_raw(&self) -> Option<RawFd> {
        Some(self.raw.swap(-1, Ordering::Relaxed)).filter(|raw| *raw >= 0)
    }
}

impl<'log> GntDev<'log> {
    /// Opens the device and reads its limit. Opening is not an operation; closing is.
    ///
    /// # Errors
    /// The device is not there or may not be opened, or its limit cannot be read.
    pub fn open(log: &'log Log) -> Result<Self> {
        let fd = open_xen(abi::PATH, ADVICE)?;
        let mut open = Open {
            raw: AtomicI32::new(fd.into_raw_fd()),
            log,
            limit: 0,
            page_size: page_size(),
            holders: AtomicUsize::new(0),
            maps: Mutex::default(),
        };
        open.limit = read_limit(abi::LIMIT)?;
        Ok(Self { open: Arc::new(open) })
    }

    /// The most pages one call may take.
    pub fn limit(&self) -> usize {
        self.open.limit
    }

    /// Allocates pages for `references` of `domain`. Xen is asked by [`GrantMap::mmap`] only, so
    /// references that do not exist are accepted here.
    ///
    /// # Errors
    /// The count is 0 or over the limit, or the kernel has no memory.
    pub fn map(&self, domain: DomId, references: &[GrantRef]) -> Result<GrantMap<'log>> {
        let count = self.checked("map", references.len())?;
        let array: Vec<_> = references.iter().map(|&reference| Reference { domid: domain.into(), reference }).collect();
        let mut argument = Flexible::new(abi::MapGrantRef { count, pad: 0, index: 0, refs: [array[0]] }, &array);
        let (raw, pointer) = (self.raw(), argument.as_mut_ptr());
        let subject = Subject::new(Op::Map, Buffer::Pages, references.len());
        self.log()
            // SAFETY: the argument has `count` elements behind its header and outlives the call.
            .call(subject, || unsafe { abi::map_grant_ref(raw, pointer) })
            .map_err(|errno| failed(Op::Map, references.len(), domain, errno))?;
        let (device, index, pages) = (self.clone(), argument.header().index, references.len());
        self.open.maps().insert(index, (pages, false));
        Ok(GrantMap { device, domain, index, pages, ended: false })
    }

    /// The offset and page count of the mapping that contains `address`, as the driver knows it.
    ///
    /// # Errors
    /// There is no mapping of gntdev.
    pub fn offset_of(&self, address: usize) -> Result<(u64, u32)> {
        let mut argument = abi::GetOffsetForVaddr { vaddr: address as u64, offset: 0, count: 0, pad: 0 };
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        unsafe { abi::get_offset_for_vaddr(self.raw(), &mut argument) }
            .map_err(|errno| self.other("GET_OFFSET_FOR_VADDR", errno))?;
        Ok((argument.offset, argument.count))
    }

    /// Requests a limit other than the default, which current kernels do not implement: ENOTTY.
    ///
    /// # Errors
    /// The kernel does not know the call.
    pub fn set_max_grants(&self, count: u32) -> Result<()> {
        let mut argument = abi::SetMaxGrants { count };
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        unsafe { abi::set_max_grants(self.raw(), &mut argument) }.map_err(|errno| self.other("SET_MAX_GRANTS", errno))?;
        Ok(())
    }

    /// Whether this kernel's gntdev was built with dma-bufs, and if not, why not. It asks about a
    /// buffer that cannot exist, so this is one `wait_released` with outcome ENOENT.
    ///
    /// # Errors
    /// The kernel answers neither of the two.
    pub fn knows_dmabuf(&self) -> Result<bool> {
        let mut argument = abi::DmabufExpWaitReleased { fd: u32::MAX, wait_to_ms: 0 };
        let raw = self.raw();
        let answer = self.log().call(Subject::without_buffer(Op::WaitReleased), || {
            // SAFETY: the argument is of the type that this request takes, and outlives the call.
            unsafe { abi::dmabuf_exp_wait_released(raw, &mut argument) }
        });
        match answer {
            Err(Errno::ENOENT) => {
                self.log().explain(Why { cause: "no_such_buffer", statuses: "" });
                Ok(true)
            }
            Err(Errno::ENOTTY) => {
                self.log().explain(Why { cause: "no_dmabuf_support", statuses: "" });
                Ok(false)
            }
            Ok(_) => Ok(true),
            Err(errno) => Err(self.other("DMABUF_EXP_WAIT_RELEASED", errno)),
        }
    }

    /// The count as the kernel takes it: at least one, at most the driver's limit.
    pub(super) fn checked(&self, call: &'static str, count: usize) -> Result<u32> {
        checked(call, count, self.open.limit, abi::LIMIT)
    }

    pub(super) fn raw(&self) -> RawFd {
        self.open.raw.load(Ordering::Relaxed)
    }

    /// A mapping or an exported buffer holds the open file from now on.
    pub(super) fn hold(&self) {
        self.open.holders.fetch_add(1, Ordering::Relaxed);
    }

    /// One of them is gone, in `call`. If it was the last and the descriptor was closed before, the kernel closes the file on the
    /// way back from that call (`____fput` by `task_work_add`, fs/file_table.c, Linux v6.12).
    pub(super) fn no_longer_held<T>(&self, call: &Timed<T>) {
        if self.open.holders.fetch_sub(1, Ordering::Relaxed) == 1 && self.raw() < 0 {
            let _ = self.log().note(Subject::without_buffer(Op::Close), call.besides());
            self.open.note_torn_down();
        }
    }

    /// Closes the descriptor, also where mappings and buffers still hold the file: then its last close comes with the last of them.
    /// No call can be made on it any more, so maps that are not unmapped by then go with it.
    pub fn close(self) {
        // Its outcome is in the log, and the descriptor is gone whatever it is.
        let _ = self.close_checked();
    }

    /// The same, with the kernel's answer.
    ///
    /// # Errors
    /// The kernel reports an error; the descriptor is closed nevertheless.
    pub fn close_checked(self) -> Result<()> {
        let Some(raw) = self.open.take_raw() else { return Ok(()) };
        let closed = if self.open.holders.load(Ordering::Relaxed) > 0 {
            nix::unistd::close(raw)
        } else {
            let closed = self.log().call(Subject::without_buffer(Op::Close), || nix::unistd::close(raw));
            self.open.note_torn_down();
            closed
        };
        closed.map_err(|errno| self.other("close", errno))
    }

    /// Requests a notification when a page of the map at `index` is unmapped.
    pub(super) fn notify_on_unmap(&self, index: u64, page: usize, byte: Option<u16>, port: Option<u32>) -> Result<()> {
        let mut argument = abi::UnmapNotify::of(index + (page * self.open.page_size) as u64, byte, port);
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        unsafe { abi::set_unmap_notify(self.raw(), &mut argument) }.map_err(|errno| self.other("SET_UNMAP_NOTIFY", errno))?;
        Ok(())
    }

    /// Whether it is the same open as another.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.open, &other.open)
    }

    pub(super) fn log(&self) -> &'log Log {
        self.open.log
    }

    fn other(&self, call: &'static str, errno: Errno) -> Error {
        Error::Call { call, on: abi::PATH.to_owned(), errno }
    }
}

impl AsFd for GntDev<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        let raw = self.raw();
        assert!(raw >= 0, "a device that was closed is used");
        // SAFETY: it is open until `close` or the last drop, after which no call uses it.
        unsafe { BorrowedFd::borrow_raw(raw) }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let Some(raw) = self.take_raw() else { return };
        let _ = self.log.call(Subject::without_buffer(Op::Close), || nix::unistd::close(raw));
    }
}

/// The error of an operation on `pages` pages of a domain.
pub(super) fn failed(op: Op, pages: usize, domain: DomId, errno: Errno) -> Error {
    Error::Operation { op, on: format!("of {pages} pages of domain {domain}"), errno }
}

/// How a mapping may be accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Works with grants of either kind.
    ReadOnly,
    /// Needs writable grants.
    ReadWrite,
}

/// Pages allocated for grants: what the map ioctl leaves behind.
pub struct GrantMap<'log> {
    device: GntDev<'log>,
    domain: DomId,
    index: u64,
    pages: usize,
    ended: bool,
}

impl<'log> GrantMap<'log> {
    /// Maps the grants and shows them to this process. A map can be mmapped once in its life.
    ///
    /// # Errors
    /// Xen refuses a grant, the map was mmapped before, or there is no memory.
    pub fn mmap(&self, access: Access) -> Result<Mapping<'log>> {
        let subject = Subject::new(Op::Mmap, Buffer::Pages, self.pages);
        let (fd, page_size) = (self.device.as_fd(), self.device.open.page_size);
        let writable = access == Access::ReadWrite;
        let memory = self
            .device
            .log()
            .call(subject, || SharedPages::map(fd, self.index, self.pages, page_size, writable))
            .map_err(|errno| failed(Op::Mmap, self.pages, self.domain, errno))?;
        self.left_some_mapped();
        self.device.hold();
        Ok(Mapping { device: self.device.clone(), domain: self.domain, memory, ended: false })
    }

    /// An mmap that failed has left those grants mapped that Xen did not refuse.
    pub fn left_some_mapped(&self) {
        if let Some((_, granted)) = self.device.open.maps().get_mut(&self.index) {
            *granted = true;
        }
    }

    /// Leaves it to the last close of its device.
    pub fn leave(mut self) {
        self.ended = true;
    }

    /// The device that it was made on.
    pub fn device(&self) -> &GntDev<'log> {
        &self.device
    }

    /// Requests a notification when page `page` is unmapped: by clearing its byte at `byte`, by the event
    /// channel `port`, or both.
    ///
    /// # Errors
    /// The kernel refuses the page or the port.
    pub fn notify_on_unmap(&self, page: usize, byte: Option<u16>, port: Option<u32>) -> Result<()> {
        self.device.notify_on_unmap(self.index, page, byte, port)
    }

    /// Gives the pages back. A mapping that is still there keeps the grants until it goes too.
    ///
    /// # Errors
    /// The kernel does not know the map.
    pub fn unmap(mut self) -> Result<()> {
        self.unmap_once()
    }

    fn unmap_once(&mut self) -> Result<()> {
        self.ended = true;
        let mut argument = abi::UnmapGrantRef { index: self.index, count: self.pages as u32, pad: 0 };
        let raw = self.device.raw();
        let subject = Subject::new(Op::Unmap, Buffer::Pages, self.pages);
        self.device
            .log()
            // SAFETY: the argument is of the type that this request takes, and outlives the call.
            .call(subject, || unsafe { abi::unmap_grant_ref(raw, &mut argument) })
            .map_err(|errno| failed(Op::Unmap, self.pages, self.domain, errno))?;
        if let Some((pages, true)) = self.device.open.maps().remove(&self.index) {
            self.device.log().note_teardown(Buffer::Pages, pages);
        }
        Ok(())
    }
}

impl Drop for GrantMap<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Its outcome is in the log, and a destructor has no caller to return it to.
            let _ = self.unmap_once();
        }
    }
}

/// Granted pages in this process's address space.
pub struct Mapping<'log> {
    device: GntDev<'log>,
    domain: DomId,
    memory: SharedPages,
    ended: bool,
}

impl Mapping<'_> {
    /// Reads a word of every page: are these the pages their owner filled? The first one is the owner's page `first`; `contents` gives
    /// what the owner wrote into a page of its own.
    ///
    /// # Errors
    /// A page holds something else.
    pub fn touch(&self, first: usize, contents: impl Fn(usize) -> u32) -> Result<()> {
        let pages = self.pages();
        for page in 0..pages {
            let (found, expected) = (self.read(page, 0), contents(first + page));
            if found != expected {
                return Err(Error::WrongContents { page: first + page, pages, found, expected });
            }
        }
        Ok(())
    }

    /// Takes the pages out of the address space. The grants stay mapped until
    /// [`GrantMap::unmap`].
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn munmap(mut self) -> Result<()> {
        self.munmap_once()
    }

    fn munmap_once(&mut self) -> Result<()> {
        self.ended = true;
        let subject = Subject::new(Op::Munmap, Buffer::Pages, self.pages());
        // SAFETY: called by `munmap` and `drop` only, which both end `self`.
        let call = timed(|| unsafe { self.memory.unmap() });
        let besides = call.besides();
        let unmapped = self.device.log().note(subject, call);
        if unmapped.is_ok() {
            self.device.no_longer_held(&besides);
        }
        unmapped.map_err(|errno| failed(Op::Munmap, self.pages(), self.domain, errno))
    }
}

impl Deref for Mapping<'_> {
    type Target = SharedPages;

    fn deref(&self) -> &SharedPages {
        &self.memory
    }
}

impl Drop for Mapping<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Its outcome is in the log, and a destructor has no caller to return it to.
            let _ = self.munmap_once();
        }
    }
}
