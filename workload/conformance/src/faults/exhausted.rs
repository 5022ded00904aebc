//! The two tables of Xen's that run full: the domain's grant table, and what Xen keeps of the grants that it has mapped (its maptrack).
//!
//! Both are as large as Xen was booted with (`gnttab_max_frames` and `gnttab_max_maptrack_frames`; docs/misc/xen-command-line.pandoc of
//! Xen 4.17). A larger table would keep all other programs from granting meanwhile, so a table that is not full soon is left alone.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno::{EINVAL, ENOSPC};
use nix::sys::mman::MapFlags;

use crate::failure::Failure;
use grantscope_generator::device::{ForeignBuf, GntDev};
use grantscope_generator::error::{Error, Result};
use grantscope_generator::stop;
use grantscope_generator::truth::{Buffer, Log, Op, Phase, Subject};
use grantscope_generator::uapi::GrantRef;
use grantscope_generator::uapi::gntalloc::{self, FLAG_WRITABLE};
use grantscope_generator::uapi::gntdev::{self, DmabufImpRelease};
use grantscope_generator::undo::RaisedLimit;

use super::calls::{Calls, KINDS, Shown};
use super::expected::{fails, refused};
use super::triggers::{unexpected, unmap};
use crate::capability::knows_dmabufs;
use crate::options::Options;
use crate::pages::Shared;

/// References of each import.
const CHUNK: u32 = 128;
/// Grants after which the table counts as too large to be filled.
const MOST_GRANTS: u32 = 4_096;
/// Mappings of one page after which the maptrack does.
const MOST_MAPPINGS: u32 = 1_024;
/// The default number of rounds.
const ITERATIONS: u32 = 3;

/// Fills each table, and checks how every kind of call fails that would need more of it.
pub fn run(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<()> {
    log.enter(Phase::Setup);
    let with_dmabufs = knows_dmabufs(log, options, skipped)?;
    let _raised = RaisedLimit::by(gntalloc::LIMIT, MOST_MAPPINGS as usize)?;
    let device = GntDev::open(log)?;
    let calls = Calls::new(log, &device, options.place.own, Shared { domain: options.place.own, references: &[] })?;
    log.enter(Phase::Run);
    for _ in 0..options.iterations.unwrap_or(ITERATIONS) {
        stop::check()?;
        if with_dmabufs {
            fill_grant_table(&calls)?;
        }
        fill_maptrack(&calls, with_dmabufs)?;
    }
    eprintln!("exhaustion: every call failed as it should");
    log.enter(Phase::Teardown);
    Ok(())
}

/// Imports a buffer again and again until there is no reference left. Not by granting: gntalloc counts a page twice that finds the table
/// full (`add_grefs` in drivers/xen/gntalloc.c, Linux v6.12.117), and grants nothing any more once its count is below zero.
fn fill_grant_table(calls: &Calls<'_>) -> Result<()> {
    let foreign = ForeignBuf::of_any_kind(CHUNK as usize)?;
    let descriptor = foreign.as_fd().as_raw_fd();
    let import = || calls.import(descriptor, Some(Buffer::Foreign), CHUNK, CHUNK as usize);
    let mut imports = 0;
    let outcome = loop {
        match import() {
            Ok(()) if imports == MOST_GRANTS / CHUNK => {
                break Err(Error::from(Failure::TableTooLarge {
                    table: "the grant table",
                    tried: MOST_GRANTS,
                    argument: "gnttab_max_frames=4",
                }));
            }
            Ok(()) => imports += 1,
            refusal => break fails("an import in a full table", ENOSPC, "grant_table_full").check(calls.log, refusal).map(drop),
        }
    };
    // By their descriptor, which is the same: the first that is found goes.
    let mut argument = DmabufImpRelease { fd: descriptor as u32, reserved: 0 };
    let subject = Subject::new(Op::ImportRelease, Buffer::Foreign, CHUNK as usize);
    let ends = (0..imports).map(|_| {
        let released = calls.import_release(subject, &mut argument);
        released.map_err(|errno| unexpected("the release of an import", errno))
    });
    ends.fold(outcome, Result::and)
}

/// Maps page after page until Xen cannot note another one, then asks for one more in every way that there is.
fn fill_maptrack(calls: &Calls<'_>, with_dmabufs: bool) -> Result<()> {
    let (index, references) = calls
        .grant(calls.own, FLAG_WRITABLE, MOST_MAPPINGS, MOST_MAPPINGS as usize)
        .map_err(|errno| unexpected("a grant of the pages to map", errno))?;
    let filled = map_until_full(calls, &references, with_dmabufs);
    filled.and(calls.ungrant(index, MOST_MAPPINGS).map_err(|errno| unexpected("the end of grants", errno)))
}

fn map_until_full(calls: &Calls<'_>, references: &[GrantRef], with_dmabufs: bool) -> Result<()> {
    let mut mapped = Vec::new();
    let outcome = references.iter().find_map(|&reference| map_one(calls, reference, &mut mapped).transpose());
    let outcome = match outcome {
        Some(outcome) if with_dmabufs => outcome.and_then(|()| export_when_full(calls, references)),
        Some(outcome) => outcome,
        None => Err(Error::from(Failure::TableTooLarge {
            table: "Xen's maptrack",
            tried: MOST_MAPPINGS,
            argument: "gnttab_max_maptrack_frames=1",
        })),
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
    for (buffer, flags) in KINDS {
        let last = &references[references.len() - 1..];
        let answer = calls.export(Some(buffer), flags, 1, last, calls.own.into());
        refused("an export without room in the maptrack", Some(EINVAL), "no_space:1").check(calls.log, answer)?;
    }
    Ok(())
}
