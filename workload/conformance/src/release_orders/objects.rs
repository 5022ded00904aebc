//! The things that are held, and their release one after another.

use std::time::Duration;

use grantscope_generator::device::{Access, Attachment, DmaBuf, GntDev, GrantMap, Importer, Mapping, ReleaseWatch, Released};
use grantscope_generator::error::Result;
use grantscope_generator::truth::{Buffer, Log};
use grantscope_generator::uapi::GrantRef;

use super::owner::{Grants, MARKED, Owner};
use super::step::Step;

/// Everything to release. What is still there is undone in the order of the fields.
pub struct Objects<'run> {
    mapping: Option<Mapping<'run>>,
    map: Option<GrantMap<'run>>,
    attachment: Option<Attachment<'run>>,
    buffer: Option<DmaBuf<'run>>,
    watch: Option<ReleaseWatch<'run>>,
    device: Option<GntDev<'run>>,
    granted: Grants<'run>,
    /// The grants' references.
    pub references: Vec<GrantRef>,
}

impl<'run> Objects<'run> {
    /// Pages of the owner's, granted to this domain, and an open device.
    fn begin(log: &'run Log, owner: &'run Owner<'run>) -> Result<(Self, GntDev<'run>)> {
        let granted = owner.grant()?;
        let references = granted.references();
        let device = GntDev::open(log)?;
        let held = Self {
            mapping: None,
            map: None,
            attachment: None,
            buffer: None,
            watch: None,
            device: Some(device.clone()),
            granted,
            references,
        };
        Ok((held, device))
    }

    /// Mapped and mmapped.
    pub fn mapped(log: &'run Log, owner: &'run Owner<'run>) -> Result<Self> {
        let (mut held, device) = Self::begin(log, owner)?;
        let map = held.map.insert(device.map(owner.domain(), &held.references)?);
        held.mapping = Some(map.mmap(Access::ReadWrite)?);
        map.notify_on_unmap(MARKED, Some(0), None)?;
        Ok(held)
    }

    /// Exported, and attached to by vgem where there is one.
    pub fn exported(log: &'run Log, owner: &'run Owner<'run>, buffer: Buffer, vgem: Option<&Importer<'run>>) -> Result<Self> {
        let (mut held, device) = Self::begin(log, owner)?;
        let buffer = held.buffer.insert(device.export(buffer, owner.domain(), &held.references)?);
        buffer.clear_on_unmap(MARKED, 0)?;
        held.watch = Some(buffer.watch());
        held.attachment = vgem.map(|vgem| vgem.attach(buffer)).transpose()?;
        Ok(held)
    }

    /// Releases one thing.
    pub fn release_step(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Close => {
                // Without a descriptor it cannot be unmapped: it is left to the last close.
                if let Some(map) = self.map.take() {
                    map.leave();
                }
                self.device.take().map_or(Ok(()), GntDev::close_checked)
            }
            Step::Unmap => self.map.take().map_or(Ok(()), GrantMap::unmap),
            Step::Munmap => self.mapping.take().map_or(Ok(()), Mapping::munmap),
            Step::CloseBuffer => match (self.buffer.take(), &mut self.attachment) {
                (Some(buffer), Some(attachment)) => buffer.leave_to(attachment),
                (buffer, _) => buffer.map_or(Ok(()), DmaBuf::release),
            },
            Step::Detach => self.attachment.take().map_or(Ok(()), Attachment::detach),
            Step::Ungrant => self.granted.ungrant(),
        }
    }

    /// Whether the kernel has unmapped the grants since they were mapped: it then cleared the owner's byte.
    pub fn grants_are_unmapped(&mut self) -> Result<bool> {
        Ok(self.granted.look()? == 0)
    }

    /// What the kernel says of the buffer's release when it is asked, and not waited for. `None`: there is no buffer, or no
    /// descriptor to ask on.
    pub fn release_is(&self) -> Result<Option<Released>> {
        let asked = self.watch.as_ref().filter(|_| self.device.is_some());
        asked.map(|watch| watch.wait(Duration::ZERO)).transpose()
    }
}
