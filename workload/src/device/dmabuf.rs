//! Dma-bufs made of another domain's grants.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;

use super::gntdev::{GntDev, failed};
use super::import::Importable;
use crate::error::{Error, Result};
use crate::truth::{Buffer, Op, Subject, Timed, timed};
use crate::uapi::gntdev as abi;
use crate::uapi::{DomId, Flexible, GrantRef};

impl<'log> GntDev<'log> {
    /// Maps `references` of `domain` and makes a dma-buf of them, in one call. The kind of memory
    /// is `buffer`; [`Buffer::Foreign`] cannot be made here and is refused.
    ///
    /// # Errors
    /// The count is over a limit, Xen refuses a grant, there is no memory, or the kernel has no dma-bufs.
    pub fn export(&self, buffer: Buffer, domain: DomId, references: &[GrantRef]) -> Result<DmaBuf<'log>> {
        let pages = references.len();
        let count = self.checked("export", pages)?;
        let flags = match buffer {
            Buffer::Pages => 0,
            Buffer::Wc => abi::DMA_FLAG_WC,
            Buffer::Coherent => abi::DMA_FLAG_COHERENT,
            Buffer::Foreign => return Err(failed(Op::Export, pages, domain, Errno::EINVAL)),
        };
        let header = abi::DmabufExpFromRefs { flags, count, fd: 0, domid: domain.into(), refs: [0] };
        let mut argument = Flexible::new(header, references);
        let (raw, pointer) = (self.raw(), argument.as_mut_ptr());
        self.log()
            .call(Subject::new(Op::Export, buffer, pages), || {
                // SAFETY: the argument has `count` elements behind its header and outlives the call.
                unsafe { abi::dmabuf_exp_from_refs(raw, pointer) }
            })
            .map_err(|errno| match errno {
                Errno::ENOTTY => Error::NoDmabuf,
                errno => Error::Operation { op: Op::Export, on: format!("of {pages} {buffer} pages of domain {domain}"), errno },
            })?;
        // SAFETY: the call succeeded, so this descriptor was just made for us.
        let fd = unsafe { OwnedFd::from_raw_fd(argument.header().fd as RawFd) };
        self.hold();
        Ok(DmaBuf { fd: Some(fd), device: self.clone(), buffer, pages })
    }
}

/// An exported dma-buf. It has no other holder unless its descriptor is passed on, so closing it is
/// its release.
pub struct DmaBuf<'log> {
    /// There until it is released.
    fd: Option<OwnedFd>,
    device: GntDev<'log>,
    buffer: Buffer,
    pages: usize,
}

impl<'log> DmaBuf<'log> {
    /// Closes it, which unmaps the grants.
    ///
    /// # Errors
    /// The kernel reports an error on closing it; it is closed nevertheless.
    pub fn release(mut self) -> Result<()> {
        self.release_once().map_err(|errno| Error::Operation {
            op: Op::Release,
            on: format!("of {} {} pages", self.pages, self.buffer),
            errno,
        })
    }

    /// Something to wait for its release with, before or after it happens.
    pub fn watch(&self) -> ReleaseWatch<'log> {
        let number = self.as_fd().as_raw_fd();
        ReleaseWatch { device: self.device.clone(), number, buffer: self.buffer, pages: self.pages }
    }

    /// Closes the descriptor alone, once.
    pub(super) fn close_descriptor(&mut self) -> Result<()> {
        let Some(fd) = self.fd.take() else { return Ok(()) };
        let on = || format!("a dma-buf of {} {} pages", self.pages, self.buffer);
        nix::unistd::close(fd.into_raw_fd()).map_err(|errno| Error::Call { call: "close", on: on(), errno })
    }

    /// Asks the kernel to clear a byte when it unmaps `page`. gntdev names no index for an exported map, but looks for it among all
    /// of its device's, and the first one is at 0 (`gntdev_add_map`, `gntdev_ioctl_notify` in drivers/xen/gntdev.c, Linux v6.12):
    /// so this is for the first map or export on its device.
    ///
    /// # Errors
    /// The kernel refuses the page.
    pub fn clear_on_unmap(&self, page: usize, byte: u16) -> Result<()> {
        const FIRST: u64 = 0;
        self.device.notify_on_unmap(FIRST, page, Some(byte), None)
    }

    fn release_once(&mut self) -> Result<(), Errno> {
        let Some(fd) = self.fd.take() else { return Ok(()) };
        let raw = fd.into_raw_fd();
        self.is_released_by(timed(|| nix::unistd::close(raw)))
    }

    /// Records that the kernel released the buffer within `call`, whichever call that was.
    pub(super) fn is_released_by(&self, call: Timed<()>) -> Result<(), Errno> {
        let besides = call.besides();
        self.device.log().note(Subject::new(Op::Release, self.buffer, self.pages), call)?;
        self.device.log().note_teardown(self.buffer, self.pages);
        self.device.no_longer_held(&besides);
        Ok(())
    }
}

impl Drop for DmaBuf<'_> {
    fn drop(&mut self) {
        // Its outcome is in the log, and a destructor has no caller to return it to.
        let _ = self.release_once();
    }
}

impl AsFd for DmaBuf<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_ref().expect("only `release` and `drop` take it, and both end `self`").as_fd()
    }
}

impl Importable for DmaBuf<'_> {
    fn buffer(&self) -> Buffer {
        self.buffer
    }

    fn pages(&self) -> usize {
        self.pages
    }
}

/// How a wait for a release ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// It was released while we waited.
    WhileWaiting,
    /// The driver does not know the descriptor (ENOENT): released before, as documented.
    Before,
    /// It was not released in time (ETIMEDOUT).
    NotYet,
}

impl Released {
    /// The kernel's answer.
    pub fn errno(self) -> Option<Errno> {
        match self {
            Self::WhileWaiting => None,
            Self::Before => Some(Errno::ENOENT),
            Self::NotYet => Some(Errno::ETIMEDOUT),
        }
    }
}

/// A buffer's descriptor number, to wait for its release with.
///
/// The driver finds buffers by number, in its own list; a number that has since been given to
/// another exported buffer would mean that one. One thread waits per buffer: of two waiters the
/// driver wakes only one (`drivers/xen/gntdev-dmabuf.c`, `dmabuf_exp_wait_obj_signal`).
pub struct ReleaseWatch<'log> {
    device: GntDev<'log>,
    number: RawFd,
    buffer: Buffer,
    pages: usize,
}

impl ReleaseWatch<'_> {
    /// Waits for at most `timeout`; not interruptible by any signal.
    ///
    /// # Errors
    /// The kernel refuses to wait, for another reason than those in [`Released`].
    pub fn wait(&self, timeout: Duration) -> Result<Released> {
        let wait_to_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let mut argument = abi::DmabufExpWaitReleased { fd: self.number as u32, wait_to_ms };
        let raw = self.device.raw();
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        let call = timed(|| unsafe { abi::dmabuf_exp_wait_released(raw, &mut argument) });
        // Once it is released the kernel knows a number only, no buffer; neither does the truth.
        let subject = match call.result {
            Err(Errno::ENOENT | Errno::ENOTTY) => Subject::without_buffer(Op::WaitReleased),
            _ => Subject::new(Op::WaitReleased, self.buffer, self.pages),
        };
        match self.device.log().note(subject, call) {
            Ok(_) => Ok(Released::WhileWaiting),
            Err(Errno::ENOENT) => Ok(Released::Before),
            Err(Errno::ETIMEDOUT) => Ok(Released::NotYet),
            Err(errno) => {
                Err(Error::Operation { op: Op::WaitReleased, on: format!("of {} {} pages", self.pages, self.buffer), errno })
            }
        }
    }
}
