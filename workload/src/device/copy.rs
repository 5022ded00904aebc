//! Copies between grants and our own memory, done by Xen without mapping anything.

use std::marker::PhantomData;

use super::gntdev::GntDev;
use crate::error::{Error, Result};
use crate::truth::{Buffer, Op, Subject};
use crate::uapi::gntdev::{self as abi, CopyEnd, CopyForeign, CopySegment};
use crate::uapi::{DomId, GRANTED_BYTES, GrantRef};

/// One piece of a copy.
pub struct Segment<'mem> {
    raw: CopySegment,
    memory: PhantomData<&'mem mut [u8]>,
}

/// Xen's answer for one segment: 0, or a negative grant status (−3: no such reference).
pub type CopyOutcome = i16;

impl<'mem> Segment<'mem> {
    /// From `offset` of a granted page into `target`.
    ///
    /// # Errors
    /// The range does not fit in the granted 4 KiB of a page.
    pub fn read(domain: DomId, reference: GrantRef, offset: u16, target: &'mem mut [u8]) -> Result<Self> {
        let len = within_grant(offset, target.len())?;
        let source = grant_end(domain, reference, offset);
        let dest = CopyEnd { virt: target.as_mut_ptr() as u64 };
        Ok(Self::new(source, dest, len, abi::COPY_SOURCE_GREF))
    }

    /// From `source` to `offset` of a granted page.
    ///
    /// # Errors
    /// The range does not fit in the granted 4 KiB of a page.
    pub fn write(domain: DomId, reference: GrantRef, offset: u16, source: &'mem [u8]) -> Result<Self> {
        let len = within_grant(offset, source.len())?;
        let dest = grant_end(domain, reference, offset);
        let source = CopyEnd { virt: source.as_ptr() as u64 };
        Ok(Self::new(source, dest, len, abi::COPY_DEST_GREF))
    }

    fn new(source: CopyEnd, dest: CopyEnd, len: u16, flags: u16) -> Self {
        let raw = CopySegment { source, dest, len, flags, status: 0 };
        Self { raw, memory: PhantomData }
    }
}

fn grant_end(domain: DomId, reference: GrantRef, offset: u16) -> CopyEnd {
    CopyEnd { foreign: CopyForeign { reference, offset, domid: domain } }
}

/// The driver answers EINVAL for a piece that crosses the granted page's end.
fn within_grant(offset: u16, len: usize) -> Result<u16> {
    if usize::from(offset) + len > GRANTED_BYTES {
        return Err(Error::OutsideGrant { offset: offset.into(), len });
    }
    u16::try_from(len).map_err(|_| Error::OutsideGrant { offset: offset.into(), len })
}

impl GntDev<'_> {
    /// Copies all segments in one call. The call succeeds even where Xen refuses a segment: its
    /// answers come back one per segment.
    ///
    /// # Errors
    /// There are no segments, or too many, or the kernel refuses the call.
    pub fn copy(&self, segments: Vec<Segment<'_>>) -> Result<Vec<CopyOutcome>> {
        let count = self.checked("copy", segments.len())?;
        let mut raw_segments: Vec<_> = segments.iter().map(|segment| segment.raw).collect();
        let mut argument = abi::GrantCopy { count, segments: raw_segments.as_mut_ptr() };
        let raw = self.raw();
        self.log()
            .call(Subject::new(Op::Copy, Buffer::Pages, segments.len()), || {
                // SAFETY: `count` segments lie at the address given; the memory each of them names
                // is borrowed by `segments`, exclusively where it is written, until after the call.
                unsafe { abi::grant_copy(raw, &mut argument) }
            })
            .map_err(|errno| Error::Operation { op: Op::Copy, on: format!("of {} segments", segments.len()), errno })?;
        Ok(raw_segments.iter().map(|segment| segment.status).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_stays_within_its_granted_page() {
        assert_eq!(within_grant(0, 4096).unwrap(), 4096);
        assert_eq!(within_grant(4095, 1).unwrap(), 1);
        assert!(matches!(within_grant(1, 4096), Err(Error::OutsideGrant { offset: 1, len: 4096 })));
        assert!(within_grant(0, 70_000).is_err());
    }
}
