//! Unmapping while the kernel still uses a page: the call returns at once, and the grants stay mapped until the page is free.
//!
//! `gnttab_unmap_refs_async` (drivers/xen/grant-table.c, Linux v6.12) puts such an unmap off and tries again after 5 ms, 10 ms and
//! so on. The grant is in use all that time: its owner can neither revoke nor reuse the page.

use std::thread::sleep;
use std::time::Duration;

use crate::device::{Access, GntDev};
use crate::error::Result;
use crate::stop;
use crate::truth::{Log, Phase};

use super::Options;
use super::pages::{Shared, with_shared_pages};

/// How often, unless told otherwise.
const ITERATIONS: u32 = 10;
/// How long the page is held after the unmap.
const HELD_FOR: Duration = Duration::from_millis(50);
/// Attempts come ever later: the first one after the page is free comes within this.
const SETTLED_AFTER: Duration = Duration::from_millis(100);

/// Does it at every page count, with one page of each mapping held.
pub fn run(log: &Log, options: &Options) -> Result<()> {
    with_shared_pages(log, options, |shared| {
        log.enter(Phase::Run);
        let device = GntDev::open(log)?;
        for &pages in &options.pages {
            for _ in 0..options.iterations.unwrap_or(ITERATIONS) {
                stop::check()?;
                unmap_while_held(&device, shared, pages as usize)?;
            }
        }
        eprintln!("deferred: every mapping was unmapped {} ms before its page was free", HELD_FOR.as_millis());
        Ok(())
    })
}

fn unmap_while_held(device: &GntDev<'_>, shared: Shared<'_>, pages: usize) -> Result<()> {
    let map = device.map(shared.domain, &shared.references[..pages])?;
    let mapping = map.mmap(Access::ReadWrite)?;
    let held = mapping.hold(pages - 1)?;
    mapping.munmap()?;
    map.unmap()?;
    sleep(HELD_FOR);
    held.release()?;
    sleep(SETTLED_AFTER);
    Ok(())
}
