//! The two tables of Xen's that run full: the domain's grant table, and what Xen keeps of the grants that it has mapped (its maptrack).
//!
//! Both are as large as Xen was booted with (`gnttab_max_frames` and `gnttab_max_maptrack_frames`; docs/misc/xen-command-line.pandoc of
//! Xen 4.17). Elsewhere everybody would be kept from granting meanwhile, so a table that is not full soon is left alone.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno::{self, EINVAL, ENOSPC};
use nix::sys::mman::MapFlags;

use crate::device::{ForeignBuf, GntDev, RaisedLimit};
use crate::error::{Error, Result};
use crate::stop;
use crate::truth::{Buffer, Log, Phase, Why};
use crate::uapi::gntalloc::{self, FLAG_WRITABLE};
use crate::uapi::{GrantRef, gntdev};

use super::super::Options;
use super::super::capability::possible_actions;
use super::calls::{Calls, Shown};
use super::triggers::{unexpected, unmap};
use super::{fails, refused};

/// References granted at a time.
const CHUNK: u32 = 128;
/// Grants after which the table counts as too large to be filled.
const MOST_GRANTS: u32 = 4_096;
/// Mappings of one page after which the maptrack does.
const MOST_MAPPINGS: usize = 1_024;
/// The cause of what needs a free reference.
const FULL: &str = "grant_table_full";
/// How often all is done, unless told otherwise.
const ITERATIONS: u32 = 3;

/// Fills each table, and checks how every kind of call fails that would need more of it.
pub fn run(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<()> {
    log.enter(Phase::Setup);
    let with_dmabufs = possible_actions(log, options, skipped)?.len() > 2;
    let _raised = RaisedLimit::by(gntalloc::LIMIT, (MOST_GRANTS + CHUNK) as usize)?;
    let device = GntDev::open(log)?;
    let calls = Calls::new(log, &device, options.own, &[])?;
    log.enter(Phase::Run);
    for _ in 0..options.iterations.unwrap_or(ITERATIONS) {
        stop::check()?;
        fill_grant_table(&calls, with_dmabufs)?;
        fill_maptrack(&calls, with_dmabufs)?;
    }
    eprintln!("exhaustion: every call failed as it should");
    log.enter(Phase::Teardown);
    Ok(())
}

/// Chunks of grants, taken back one after the other.
struct Chunks(Vec<(u64, Vec<GrantRef>)>);

impl Chunks {
    fn add(&mut self, calls: &Calls<'_>) -> Result<(), Errno> {
        calls.grant(calls.own, FLAG_WRITABLE, CHUNK, CHUNK as usize).map(|chunk| self.0.push(chunk))
    }

    fn end(self, calls: &Calls<'_>) -> Result<()> {
        let ends = self.0.iter().map(|(index, _)| calls.ungrant(*index, CHUNK));
        ends.fold(Ok(()), Result::and).map_err(|errno| unexpected("the end of grants", errno))
    }
}

/// Grants until there is no reference left, then asks for one more in every way that there is.
fn fill_grant_table(calls: &Calls<'_>, with_dmabufs: bool) -> Result<()> {
    let mut chunks = Chunks(Vec::new());
    let full = loop {
        if chunks.0.len() >= (MOST_GRANTS / CHUNK) as usize {
            chunks.end(calls)?;
            return Err(Error::TableTooLarge { table: "the grant table", tried: MOST_GRANTS, argument: "gnttab_max_frames=4" });
        }
        if let Err(errno) = chunks.add(calls) {
            break Err::<(), _>(errno);
        }
    };
    let checked = fails("a grant in a full table", ENOSPC, FULL).check(calls.log, full).and_then(|_| {
        // As many pages as did not fit a moment ago.
        if !with_dmabufs {
            return Ok(());
        }
        let foreign = ForeignBuf::of_any_kind(CHUNK as usize)?;
        let import = calls.import(foreign.as_fd().as_raw_fd(), Some(Buffer::Foreign), CHUNK, CHUNK as usize);
        fails("an import in a full table", ENOSPC, FULL).check(calls.log, import).map(drop)
    });
    checked.and(chunks.end(calls))
}

/// Maps page after page until Xen cannot note another one, then asks for one more in every way that there is.
fn fill_maptrack(calls: &Calls<'_>, with_dmabufs: bool) -> Result<()> {
    let mut chunks = Chunks(Vec::new());
    while chunks.0.len() * (CHUNK as usize) < MOST_MAPPINGS {
        match chunks.add(calls) {
            Ok(()) => {}
            Err(ENOSPC) => {
                calls.log.explain(Why { cause: FULL, statuses: "" });
                break;
            }
            Err(errno) => return Err(unexpected("a grant", errno)),
        }
    }
    let references: Vec<GrantRef> = chunks.0.iter().flat_map(|(_, references)| references.iter().copied()).collect();
    let filled = map_until_full(calls, &references, with_dmabufs);
    filled.and(chunks.end(calls))
}

fn map_until_full(calls: &Calls<'_>, references: &[GrantRef], with_dmabufs: bool) -> Result<()> {
    let mut mapped = Vec::new();
    let outcome = references.iter().find_map(|&reference| map_one(calls, reference, &mut mapped).transpose());
    let outcome = match outcome {
        Some(outcome) if with_dmabufs => outcome.and_then(|()| export_when_full(calls, references)),
        Some(outcome) => outcome,
        None => {
            let tried = references.len() as u32;
            Err(Error::TableTooLarge { table: "Xen's maptrack", tried, argument: "gnttab_max_maptrack_frames=1" })
        }
    };
    let ends = mapped.into_iter().map(|(index, shown)| {
        calls.munmap(shown).map_err(|errno| unexpected("munmap", errno))?;
        unmap(calls, index, 1, true)
    });
    ends.fold(outcome, Result::and)
}

/// Maps one page; `Some`: Xen had no room to note it.
fn map_one(calls: &Calls<'_>, reference: GrantRef, mapped: &mut Vec<(u64, Shown)>) -> Result<Option<()>> {
    let reference = gntdev::Reference { domid: calls.own.into(), reference };
    let index = calls.map(1, &[reference]).map_err(|errno| unexpected("a map", errno))?;
    match calls.mmap(index, 1, MapFlags::MAP_SHARED) {
        Ok(shown) => {
            mapped.push((index, shown));
            Ok(None)
        }
        refusal => {
            refused("an mmap without room in the maptrack", Some(EINVAL), "no_space:1").check(calls.log, refusal)?;
            unmap(calls, index, 1, false)?;
            Ok(Some(()))
        }
    }
}

/// An export of each kind, of a page that is not mapped yet.
fn export_when_full(calls: &Calls<'_>, references: &[GrantRef]) -> Result<()> {
    for (buffer, flags) in [(Buffer::Pages, 0), (Buffer::Wc, gntdev::DMA_FLAG_WC), (Buffer::Coherent, gntdev::DMA_FLAG_COHERENT)]
    {
        let last = &references[references.len() - 1..];
        let answer = calls.export(Some(buffer), flags, 1, last, calls.own.into());
        refused("an export without room in the maptrack", Some(EINVAL), "no_space:1").check(calls.log, answer)?;
    }
    Ok(())
}
