//! The lab's importer of dma-bufs that has a device: what mapping costs for it is what it costs for a display controller.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use nix::errno::Errno;

use super::import::Importable;
use super::open::open_device;
use crate::error::{Error, Result};
use crate::truth::{Buffer, Log, Op, Subject, Timed, timed};
use crate::uapi::importer as abi;

/// One open of its node, which whatever is attached through it keeps open.
#[derive(Clone)]
pub struct WithDevice<'log> {
    fd: Arc<OwnedFd>,
    log: &'log Log,
}

impl<'log> WithDevice<'log> {
    /// Opens it.
    ///
    /// # Errors
    /// There is none: it is the lab's own.
    pub fn open(log: &'log Log) -> Result<Self> {
        let fd = open_device(abi::PATH, "it is a module of grantscope's lab: use its platform arm64-device")?;
        Ok(Self { fd: Arc::new(fd), log })
    }

    /// Attaches to a buffer and maps it, and gives the attachment's handle. If it cannot be mapped, it is detached again.
    pub(super) fn attach(&self, source: &impl Importable) -> Result<u32> {
        let (buffer, pages) = (source.buffer(), source.pages());
        let mut argument = abi::Attach { fd: source.as_fd().as_raw_fd(), handle: 0 };
        let raw = self.raw();
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        let call = timed(|| unsafe { abi::attach(raw, &mut argument) });
        self.note(Op::Attach, buffer, pages, call)?;
        let handle = argument.handle;
        // SAFETY: likewise.
        let call = timed(|| unsafe { abi::map(raw, &handle) });
        let mapped = self.note(Op::AttachmentMap, buffer, pages, call);
        if mapped.is_err() {
            // Why it could not be mapped is what its user has to know.
            let _ = self.note(Op::Detach, buffer, pages, self.detach_call(handle));
        }
        mapped.map(|()| handle)
    }

    /// Unmaps and detaches. Gives the call that detached: what it released besides happened within it.
    pub(super) fn detach(&self, handle: u32, buffer: Buffer, pages: usize) -> Result<Timed<()>> {
        let raw = self.raw();
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        let call = timed(|| unsafe { abi::unmap(raw, &handle) });
        self.note(Op::AttachmentUnmap, buffer, pages, call)?;
        let call = self.detach_call(handle);
        let besides = call.besides();
        self.note(Op::Detach, buffer, pages, call)?;
        Ok(besides)
    }

    fn detach_call(&self, handle: u32) -> Timed<i32> {
        let raw = self.raw();
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        timed(|| unsafe { abi::detach(raw, &handle) })
    }

    /// Notes the call, unless the buffer is another driver's: then gntdev has nothing to do with it.
    fn note(&self, op: Op, buffer: Buffer, pages: usize, call: Timed<i32>) -> Result<()> {
        let answer: Result<i32, Errno> = match buffer {
            Buffer::Foreign => call.result,
            _ => self.log.note(Subject::new(op, buffer, pages), call),
        };
        answer.map(drop).map_err(|errno| Error::Operation { op, on: format!("of {pages} {buffer} pages"), errno })
    }

    fn raw(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
