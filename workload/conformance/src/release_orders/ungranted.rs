//! What the owner's ungrant met, found out by mapping the references once more.
//!
//! The owner's gntalloc answers 0 whether or not the page is still mapped (`gntalloc_ioctl_dealloc`). If it is not, the grant ends at
//! once. Else the kernel puts its end off (`gnttab_end_foreign_access`): a timer tries again every second
//! (`gnttab_handle_deferred`), and until it succeeds Xen grants the page as before, to new maps too
//! (`gnttab_end_foreign_access_ref_v1`; all in drivers/xen/gntalloc.c and grant-table.c, Linux v6.12).

use std::time::Duration;

use nix::errno::Errno;

use grantscope_generator::device::{Access, GntDev, Mapping};
use grantscope_generator::error::{Error, Result};
use grantscope_generator::truth::{Log, Why};
use grantscope_generator::uapi::{DomId, GrantRef};

use grantscope_generator::peer::requests::MARK;

use super::owner::MARKED;

/// The timer's second (HZ jiffies), and a margin for the tick that it waits for and for a busy processor.
pub const SETTLED_AFTER: Duration = Duration::from_millis(1200);

/// How many of the references can still be mapped.
pub fn still_granted(log: &Log, owner: DomId, references: &[GrantRef]) -> Result<usize> {
    let device = GntDev::open(log)?;
    let mut granted = 0;
    // One by one: an mmap of several fails as a whole.
    for (page, &reference) in references.iter().enumerate() {
        let map = device.map(owner, &[reference])?;
        match map.mmap(Access::ReadWrite) {
            Ok(mapping) => {
                granted += 1;
                is_the_owners(&mapping, page)?;
                mapping.munmap()?;
            }
            // Xen finds an entry of its table that grants nothing: `GNTST_general_error`.
            Err(Error::Operation { errno: Errno::EINVAL, .. }) => {
                log.explain(Why { cause: "grants_refused", statuses: "general_error:1" });
            }
            Err(other) => return Err(other),
        }
        map.unmap()?;
    }
    Ok(granted)
}

/// What is mapped has to be the page that the owner marked, not one that was granted since under the same reference. The mark's
/// first byte may have been cleared.
fn is_the_owners(mapping: &Mapping<'_>, page: usize) -> Result<()> {
    const STAYS: u32 = u32::from_ne_bytes([0, 0xff, 0xff, 0xff]);
    let (found, expected) = (mapping.read(0, 0) & STAYS, if page == MARKED { MARK & STAYS } else { 0 });
    if found == expected { Ok(()) } else { Err(Error::WrongContents { page: 0, pages: 1, found, expected }) }
}
