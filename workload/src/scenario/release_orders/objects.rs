//! What is held, and letting go of one thing after another.

use std::time::Duration;

use crate::device::{
    Access, Attachment, DmaBuf, GntAlloc, GntDev, GrantMap, Granted, Looks, Mapping, ReleaseWatch, Released, Vgem,
};
use crate::error::Result;
use crate::truth::{Buffer, Log};
use crate::uapi::{DomId, GrantRef};

use super::{PAGES, Step};

/// What the owner writes into its page. The kernel clears the first byte when it unmaps the grants.
pub const MARK: u32 = 0x0101_0101;
/// The marked page.
pub const MARKED: usize = 0;

/// Everything that there is to let go of. What is still there is undone in the order of the fields.
pub struct Objects<'run> {
    mapping: Option<Mapping<'run>>,
    map: Option<GrantMap<'run>>,
    attachment: Option<Attachment<'run>>,
    buffer: Option<DmaBuf<'run>>,
    watch: Option<ReleaseWatch<'run>>,
    device: Option<GntDev<'run>>,
    granted: Option<Granted<'run>>,
    looks: Looks,
    /// The grants' references.
    pub references: Vec<GrantRef>,
}

impl<'run> Objects<'run> {
    /// Pages of our own, granted to ourselves, and an open device.
    fn begin(log: &'run Log, granting: &GntAlloc<'run>, own: DomId) -> Result<(Self, GntDev<'run>)> {
        let granted = granting.grant(own, PAGES)?;
        // One look after each of the steps, of which there are four at most.
        let looks = granted.looks_at(MARKED, MARK, 4)?;
        let references = granted.references().to_vec();
        let device = GntDev::open(log)?;
        let held = Self {
            mapping: None,
            map: None,
            attachment: None,
            buffer: None,
            watch: None,
            device: Some(device.clone()),
            granted: Some(granted),
            looks,
            references,
        };
        Ok((held, device))
    }

    /// Mapped and mmapped.
    pub fn mapped(log: &'run Log, granting: &GntAlloc<'run>, own: DomId) -> Result<Self> {
        let (mut held, device) = Self::begin(log, granting, own)?;
        let map = held.map.insert(device.map(own, &held.references)?);
        held.mapping = Some(map.mmap(Access::ReadWrite)?);
        map.notify_on_unmap(MARKED, Some(0), None)?;
        Ok(held)
    }

    /// Exported, and attached to by vgem where there is one.
    pub fn exported(
        log: &'run Log,
        granting: &GntAlloc<'run>,
        own: DomId,
        buffer: Buffer,
        vgem: Option<&Vgem<'run>>,
    ) -> Result<Self> {
        let (mut held, device) = Self::begin(log, granting, own)?;
        let buffer = held.buffer.insert(device.export(buffer, own, &held.references)?);
        buffer.clear_on_unmap(MARKED, 0)?;
        held.watch = Some(buffer.watch());
        held.attachment = vgem.map(|vgem| vgem.attach(buffer)).transpose()?;
        Ok(held)
    }

    /// Lets go of one thing.
    pub fn let_go(&mut self, step: Step) -> Result<()> {
        match step {
            Step::Close => {
                // Without a descriptor it cannot be unmapped: it is left to the last close.
                if let Some(map) = self.map.take() {
                    map.leave();
                }
                self.device.take().map_or(Ok(()), GntDev::close_and_tell)
            }
            Step::Unmap => self.map.take().map_or(Ok(()), GrantMap::unmap),
            Step::Munmap => self.mapping.take().map_or(Ok(()), Mapping::munmap),
            Step::CloseBuffer => match (self.buffer.take(), &mut self.attachment) {
                (Some(buffer), Some(attachment)) => buffer.leave_to(attachment),
                (buffer, _) => buffer.map_or(Ok(()), DmaBuf::release),
            },
            Step::Detach => self.attachment.take().map_or(Ok(()), Attachment::detach),
            Step::Ungrant => self.granted.take().map_or(Ok(()), Granted::ungrant),
        }
    }

    /// Whether the kernel has unmapped the grants since they were mapped: it then cleared the owner's byte.
    pub fn grants_are_unmapped(&mut self) -> Result<bool> {
        Ok(self.looks.look()? == 0)
    }

    /// What the kernel says of the buffer's release when it is asked, and not waited for. `None`: there is no buffer, or no
    /// descriptor to ask on.
    pub fn release_is(&self) -> Result<Option<Released>> {
        let asked = self.watch.as_ref().filter(|_| self.device.is_some());
        asked.map(|watch| watch.wait(Duration::ZERO)).transpose()
    }
}
