//! Importers of dma-bufs that are not gntdev itself, and what they are attached to.

use super::dmabuf::DmaBuf;
use super::import::Importable;
use super::vgem::Vgem;
use super::with_device::WithDevice;
use crate::error::Result;
use crate::truth::{Buffer, Log};

/// Which importer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImporterKind {
    /// The kernel's display driver without a display, and without a device that buffers would be mapped for.
    #[default]
    Vgem,
    /// The lab's, which has one.
    Device,
}

/// An importer that is open.
#[derive(Clone)]
pub enum Importer<'log> {
    /// See [`ImporterKind::Vgem`].
    Vgem(Vgem<'log>),
    /// See [`ImporterKind::Device`].
    Device(WithDevice<'log>),
}

impl<'log> Importer<'log> {
    /// Opens the one of this kind.
    ///
    /// # Errors
    /// There is none.
    pub fn open(log: &'log Log, kind: ImporterKind) -> Result<Self> {
        match kind {
            ImporterKind::Vgem => Vgem::open(log).map(Self::Vgem),
            ImporterKind::Device => WithDevice::open(log).map(Self::Device),
        }
    }

    /// Whether it maps a buffer within the call that attaches to it. With a device, mapping is a call of its own, and always made.
    ///
    /// # Errors
    /// It cannot be seen.
    pub fn maps_at_import(&self) -> Result<bool> {
        match self {
            Self::Vgem(vgem) => vgem.maps_at_import(),
            Self::Device(_) => Ok(true),
        }
    }

    /// Has it attach to a buffer and, unless it is a vgem that does not, map it. It holds the buffer until it is detached: closing it earlier is not its release.
    ///
    /// # Errors
    /// The kernel refuses the buffer.
    pub fn attach(&self, source: &impl Importable) -> Result<Attachment<'log>> {
        let handle = match self {
            Self::Vgem(vgem) => vgem.attach(source),
            Self::Device(device) => device.attach(source),
        }?;
        let (buffer, pages) = (source.buffer(), source.pages());
        Ok(Attachment { importer: self.clone(), handle, buffer, pages, left: None, ended: false })
    }
}

/// A buffer that an importer is attached to, and has mapped.
pub struct Attachment<'log> {
    importer: Importer<'log>,
    handle: u32,
    buffer: Buffer,
    pages: usize,
    /// The buffer, if its own descriptor was closed before: then its release comes with the detaching.
    left: Option<DmaBuf<'log>>,
    ended: bool,
}

impl Attachment<'_> {
    /// Has it unmap and detach.
    ///
    /// # Errors
    /// The kernel does not know the handle.
    pub fn detach(mut self) -> Result<()> {
        self.detach_once()
    }

    fn detach_once(&mut self) -> Result<()> {
        self.ended = true;
        let besides = match &self.importer {
            Importer::Vgem(vgem) => vgem.detach(self.handle, self.buffer, self.pages),
            Importer::Device(device) => device.detach(self.handle, self.buffer, self.pages),
        }?;
        if let Some(buffer) = self.left.take() {
            // It went well: the call did, and the release cannot fail.
            let _ = buffer.is_released_by(besides);
        }
        Ok(())
    }
}

impl<'log> DmaBuf<'log> {
    /// Closes the descriptor while an importer still holds the buffer: no release yet. That comes within the call with which the
    /// importer detaches, which drops the last hold (`drm_prime_gem_destroy` in drivers/gpu/drm/drm_prime.c, Linux v6.12).
    ///
    /// # Errors
    /// The kernel reports an error on closing the descriptor; it is closed nevertheless.
    pub fn leave_to(mut self, attachment: &mut Attachment<'log>) -> Result<()> {
        let closed = self.close_descriptor();
        attachment.left = Some(self);
        closed
    }
}

impl Drop for Attachment<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // Its outcome is in the log, and a destructor has no caller to return it to.
            let _ = self.detach_once();
        }
    }
}
