//! Calls that are wrong in themselves, or about grants that Xen refuses.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use nix::errno::Errno::{EBADF, EFAULT, EINVAL, ENOENT, ENOMEM, ENOSPC, ETIMEDOUT};
use nix::sys::mman::MapFlags;

use crate::failure::Failure;
use grantscope_generator::device::{ForeignBuf, read_limit};
use grantscope_generator::error::{Error, Result};
use grantscope_generator::truth::{Buffer, Op, Subject};
use grantscope_generator::uapi::gntalloc::{AllocGref, DeallocGref, FLAG_WRITABLE};
use grantscope_generator::uapi::gntdev::{
    self as abi, CopySegment, DmabufExpFromRefs, DmabufExpWaitReleased, DmabufImpRelease, DmabufImpToRefs, GrantCopy,
    MapGrantRef, Reference, UnmapGrantRef,
};
use grantscope_generator::uapi::{DomId, GRANTED_BYTES, GrantRef, gntalloc};

use super::calls::{Calls, Fence, KINDS, granted, memory, unread};
use super::expected::{fails, refused};

/// A reference that no domain grants here: near the end of the default grant table.
const NOT_GRANTED: GrantRef = 31_000;
/// A domain that does not exist here.
const NOT_THERE: DomId = 7;
/// A domain for which pages are granted, and which is not us.
const ANOTHER: DomId = 5;
/// An offset at which there is no map.
const NO_INDEX: u64 = 1 << 32;
/// More DMA memory than the lab has in one piece: 256 MiB.
const TOO_LARGE: u32 = 65_536;

const SHARED: MapFlags = MapFlags::MAP_SHARED;

/// All of them.
pub fn run(calls: &Calls<'_>, with_dmabufs: bool) -> Result<()> {
    maps(calls)?;
    mmaps(calls)?;
    refused_maps(calls)?;
    unmaps(calls)?;
    copies(calls)?;
    grants(calls)?;
    if with_dmabufs {
        exports(calls)?;
        refused_exports(calls)?;
        imports(calls)?;
        waits(calls)?;
    }
    Ok(())
}

fn maps(calls: &Calls<'_>) -> Result<()> {
    let limit = read_limit(abi::LIMIT)? as u32;
    let fence = Fence::new()?;
    let one = MapGrantRef { count: 1, pad: 0, index: 0, refs: [calls.good(1)[0]] };
    let two = MapGrantRef { count: 2, ..one };
    fails("a map of no reference", EINVAL, "count_zero").check(calls.log, calls.map(0, &[]))?;
    fails("a map over the limit", EINVAL, "over_limit").check(calls.log, calls.map(limit + 1, &[]))?;
    let unreadable = calls.map_at(unread(Op::Map, Some(Buffer::Pages)), fence.nowhere());
    fails("a map by an unreadable argument", EFAULT, "argument_unreadable").check(calls.log, unreadable)?;
    let unreadable = calls.map_at(Subject::new(Op::Map, Buffer::Pages, 2), fence.at_the_edge(two));
    fails("a map of unreadable references", EFAULT, "argument_unreadable").check(calls.log, unreadable)?;
    let unwritable = calls.map_at(Subject::new(Op::Map, Buffer::Pages, 1), fence.read_only(one)?);
    fails("a map that cannot answer", EFAULT, "result_unwritable").check(calls.log, unwritable).map(drop)
}

fn mmaps(calls: &Calls<'_>) -> Result<()> {
    let log = calls.log;
    let index = calls.map(2, &calls.good(2)).map_err(|errno| unexpected("a map of two good references", errno))?;
    fails("an mmap where no map is", EINVAL, "no_such_map").check(log, calls.mmap(NO_INDEX, 1, SHARED))?;
    fails("an mmap of a part of a map", EINVAL, "wrong_length").check(log, calls.mmap(index, 1, SHARED))?;
    fails("a private mmap", EINVAL, "private_writable").check(log, calls.mmap(index, 2, MapFlags::MAP_PRIVATE))?;
    let shown = calls.mmap(index, 2, SHARED).map_err(|errno| unexpected("an mmap of two good references", errno))?;
    fails("a second mmap", EINVAL, "already_mapped").check(log, calls.mmap(index, 2, SHARED))?;
    calls.munmap(shown).map_err(|errno| unexpected("munmap", errno))?;
    unmap(calls, index, 2, true)
}

/// Maps whose references Xen refuses: the map itself succeeds, as it asks Xen nothing.
fn refused_maps(calls: &Calls<'_>) -> Result<()> {
    let other = Granted::to(calls, ANOTHER, FLAG_WRITABLE)?;
    let read_only = Granted::to(calls, calls.own, 0)?;
    let gone = Granted::to(calls, calls.own, FLAG_WRITABLE)?;
    let gone_reference = gone.reference;
    gone.end(calls)?;
    let own = |reference| Reference { domid: calls.own.into(), reference };
    let not_granted = Reference { domid: calls.owner.into(), reference: NOT_GRANTED };
    let domain = |domid: DomId| Reference { domid: domid.into(), ..calls.good(1)[0] };
    let mixed = [calls.good(6), vec![not_granted, domain(NOT_THERE), own(read_only.reference), not_granted]].concat();
    let cases: [(Vec<Reference>, &'static str, usize); 7] = [
        (vec![not_granted], "bad_gntref:1", 0),
        (vec![domain(NOT_THERE)], "bad_domain:1", 0),
        (vec![own(other.reference)], "general_error:1", 0),
        (vec![own(read_only.reference)], "general_error:1", 0),
        (vec![own(gone_reference)], "general_error:1", 0),
        ([calls.good(7), vec![not_granted]].concat(), "bad_gntref:1", 7),
        (mixed, "general_error:1;bad_domain:1;bad_gntref:2", 6),
    ];
    for (references, statuses, mapped) in cases {
        let pages = references.len();
        let index = calls.map(pages as u32, &references).map_err(|errno| unexpected("a map", errno))?;
        refused("an mmap of references that Xen refuses", Some(EINVAL), statuses)
            .check(calls.log, calls.mmap(index, pages, SHARED))?;
        unmap(calls, index, pages, mapped > 0)?;
    }
    other.end(calls)?;
    read_only.end(calls)
}

fn unmaps(calls: &Calls<'_>) -> Result<()> {
    let log = calls.log;
    let fence = Fence::new()?;
    let index = calls.map(2, &calls.good(2)).map_err(|errno| unexpected("a map of two good references", errno))?;
    fails("an unmap where no map is", ENOENT, "no_such_map").check(log, calls.unmap(NO_INDEX, 1))?;
    fails("an unmap of a part of a map", ENOENT, "wrong_length").check(log, calls.unmap(index, 1))?;
    let unreadable = calls.unmap_at(unread(Op::Unmap, Some(Buffer::Pages)), fence.nowhere::<UnmapGrantRef>());
    fails("an unmap by an unreadable argument", EFAULT, "argument_unreadable").check(log, unreadable)?;
    unmap(calls, index, 2, false)
}

/// The call succeeds, whatever Xen says of a segment.
fn copies(calls: &Calls<'_>) -> Result<()> {
    let log = calls.log;
    let fence = Fence::new()?;
    let mut target = vec![0_u8; GRANTED_BYTES];
    let base = target.as_mut_ptr();
    let segment = |source, dest, flags| CopySegment { source, dest, len: 64, flags, status: 0 };
    let read = |domid, reference| segment(granted(domid, reference, 0), memory(base), abi::COPY_SOURCE_GREF);
    let good = || read(calls.owner, calls.references[0]);
    // More than one of the kernel's batches, which have 16 copies each.
    let mut many: Vec<_> = (0..40).map(|_| good()).collect();
    many[3] = read(NOT_THERE, calls.references[0]);
    many[20] = read(calls.owner, NOT_GRANTED);
    many[39] = read(calls.owner, NOT_GRANTED);
    let cases = [
        (vec![read(calls.owner, NOT_GRANTED)], "bad_gntref:1"),
        (vec![good(), read(NOT_THERE, calls.references[0])], "bad_domain:1"),
        (many, "bad_domain:1;bad_gntref:2"),
    ];
    for (mut segments, statuses) in cases {
        refused("a copy that Xen refuses in part", None, statuses).check(log, calls.copy(&mut segments))?;
    }
    let to_ourselves = segment(memory(base), memory(base), 0);
    fails("a copy of own memory", EINVAL, "bad_segment").check(log, calls.copy(&mut [to_ourselves]))?;
    let across = segment(granted(calls.owner, calls.references[0], 4090), memory(base), abi::COPY_SOURCE_GREF);
    fails("a copy across the end of a page", EINVAL, "bad_segment").check(log, calls.copy(&mut [good(), across]))?;
    let nowhere = segment(granted(calls.owner, calls.references[0], 0), memory(fence.nowhere::<u8>()), abi::COPY_SOURCE_GREF);
    fails("a copy to nowhere", EFAULT, "segment_unreachable").check(log, calls.copy(&mut [nowhere]))?;
    fails("a copy of unreadable segments", EFAULT, "segment_unreachable").check(log, calls.copy_of(1, fence.nowhere()))?;
    let unreadable = calls.copy_at(unread(Op::Copy, Some(Buffer::Pages)), fence.nowhere::<GrantCopy>());
    fails("a copy by an unreadable argument", EFAULT, "argument_unreadable").check(log, unreadable).map(drop)
}

fn grants(calls: &Calls<'_>) -> Result<()> {
    let log = calls.log;
    let limit = read_limit(gntalloc::LIMIT)? as u32;
    let fence = Fence::new()?;
    let one = AllocGref { domid: calls.own, flags: FLAG_WRITABLE, count: 1, index: 0, gref_ids: [0] };
    fails("a grant over the limit", ENOSPC, "over_limit").check(log, calls.grant(calls.own, FLAG_WRITABLE, limit + 1, 1))?;
    let unreadable = calls.grant_at(unread(Op::Grant, Some(Buffer::Pages)), fence.nowhere());
    fails("a grant by an unreadable argument", EFAULT, "argument_unreadable").check(log, unreadable)?;
    fails("the end of no grants", EINVAL, "no_such_grants").check(log, calls.ungrant(NO_INDEX << 8, 1))?;
    let unreadable = calls.ungrant_at(unread(Op::Ungrant, Some(Buffer::Pages)), fence.nowhere::<DeallocGref>());
    fails("the end of grants by an unreadable argument", EFAULT, "argument_unreadable").check(log, unreadable)?;
    // What it granted goes with the granting device's close.
    let unwritable = calls.grant_at(Subject::new(Op::Grant, Buffer::Pages, 1), fence.read_only(one)?);
    fails("a grant that cannot answer", EFAULT, "result_unwritable").check(log, unwritable).map(drop)
}

fn exports(calls: &Calls<'_>) -> Result<()> {
    let log = calls.log;
    let limit = read_limit(abi::LIMIT)? as u32;
    let fence = Fence::new()?;
    let (good, owner) = (&calls.references[..1], u32::from(calls.owner));
    let one = DmabufExpFromRefs { flags: 0, count: 1, fd: 0, domid: owner, refs: [good[0]] };
    let pages = Some(Buffer::Pages);
    fails("an export of no reference", EINVAL, "count_zero").check(log, calls.export(pages, 0, 0, &[], owner))?;
    fails("an export over the limit", EINVAL, "over_limit").check(log, calls.export(pages, 0, limit + 1, good, owner))?;
    let both = calls.export(None, abi::DMA_FLAG_WC | abi::DMA_FLAG_COHERENT, 1, good, owner);
    fails("an export of both kinds at once", EINVAL, "both_dma_flags").check(log, both)?;
    let unreadable = calls.export_at(unread(Op::Export, None), fence.nowhere());
    fails("an export by an unreadable argument", EFAULT, "argument_unreadable").check(log, unreadable)?;
    let two = DmabufExpFromRefs { count: 2, ..one };
    let unreadable = calls.export_at(Subject::new(Op::Export, Buffer::Pages, 2), fence.at_the_edge(two));
    fails("an export of unreadable references", EFAULT, "argument_unreadable").check(log, unreadable)?;
    let references = vec![good[0]; TOO_LARGE as usize];
    for (buffer, flags) in [(Buffer::Wc, abi::DMA_FLAG_WC), (Buffer::Coherent, abi::DMA_FLAG_COHERENT)] {
        let too_large = calls.export(Some(buffer), flags, TOO_LARGE, &references, owner);
        fails("an export of more DMA memory than there is", ENOMEM, "half_built_dma_map").check(log, too_large)?;
    }
    // The descriptor is installed all the same, but its number is not returned.
    let descriptor = next_descriptor()?;
    let unwritable = calls.export_at(Subject::new(Op::Export, Buffer::Pages, 1), fence.read_only(one)?);
    fails("an export that cannot answer", EFAULT, "result_unwritable").check(log, unwritable)?;
    calls
        .release(descriptor, Buffer::Pages, 1)
        .map_err(|errno| unexpected("the release of a buffer whose descriptor was not returned", errno))
}

fn refused_exports(calls: &Calls<'_>) -> Result<()> {
    let (own, owner) = (u32::from(calls.own), u32::from(calls.owner));
    let read_only = Granted::to(calls, calls.own, 0)?;
    // An export is of one domain's references.
    let (among, of_mixed) = match own == owner {
        true => (read_only.reference, "general_error:1;bad_gntref:2"),
        false => (NOT_GRANTED, "bad_gntref:3"),
    };
    let mixed = [&calls.references[..5], &[NOT_GRANTED, among, NOT_GRANTED]].concat();
    for (buffer, flags) in KINDS {
        for (references, domid, statuses, mapped) in [
            (vec![NOT_GRANTED], owner, "bad_gntref:1", false),
            (calls.references[..3].to_vec(), u32::from(NOT_THERE), "bad_domain:3", false),
            (vec![read_only.reference], own, "general_error:1", false),
            (mixed.clone(), owner, of_mixed, true),
        ] {
            let pages = references.len();
            let answer = calls.export(Some(buffer), flags, pages as u32, &references, domid);
            refused("an export of references that Xen refuses", Some(EINVAL), statuses).check(calls.log, answer)?;
            if mapped {
                calls.log.note_teardown(buffer, pages);
            }
        }
    }
    read_only.end(calls)
}

fn imports(calls: &Calls<'_>) -> Result<()> {
    let log = calls.log;
    let limit = read_limit(abi::LIMIT)? as u32;
    let fence = Fence::new()?;
    let foreign = ForeignBuf::of_any_kind(2)?;
    let descriptor = foreign.as_fd().as_raw_fd();
    let null_device = null_device()?;
    fails("an import of no page", EINVAL, "count_zero").check(log, calls.import(descriptor, None, 0, 0))?;
    // Far beyond what harms: the limit is checked first.
    fails("an import over the limit", EINVAL, "over_limit").check(log, calls.import(descriptor, None, limit + 1, 0))?;
    fails("an import of no file", EBADF, "bad_descriptor").check(log, calls.import(-1, None, 1, 1))?;
    let no_buffer = calls.import(null_device.as_raw_fd(), None, 1, 1);
    fails("an import of what is no dma-buf", EINVAL, "not_a_dmabuf").check(log, no_buffer)?;
    for count in [1, 3] {
        let wrong = calls.import(descriptor, Some(Buffer::Foreign), count, 3);
        fails("an import of another size", EINVAL, "wrong_size").check(log, wrong)?;
    }
    let unreadable = calls.import_at(unread(Op::Import, None), fence.nowhere());
    fails("an import by an unreadable argument", EFAULT, "argument_unreadable").check(log, unreadable)?;
    own_buffer_of_another_size(calls)?;
    import_releases(calls, &fence)?;
    let argument = DmabufImpToRefs { fd: descriptor as u32, count: 2, domid: calls.own.into(), reserved: 0, refs: [0] };
    let unwritable = calls.import_at(Subject::new(Op::Import, Buffer::Foreign, 2), fence.read_only(argument)?);
    fails("an import that cannot answer", EFAULT, "result_unwritable").check(log, unwritable).map(drop)
}

fn own_buffer_of_another_size(calls: &Calls<'_>) -> Result<()> {
    let exported = calls.export(Some(Buffer::Pages), 0, 2, &calls.references[..2], calls.owner.into());
    let exported = exported.map_err(|errno| unexpected("an export of two good references", errno))?;
    let wrong = calls.import(exported, Some(Buffer::Pages), 3, 3);
    fails("an import of an own buffer as larger", EINVAL, "wrong_size").check(calls.log, wrong)?;
    calls.release(exported, Buffer::Pages, 2).map_err(|errno| unexpected("a release", errno))
}

fn import_releases(calls: &Calls<'_>, fence: &Fence) -> Result<()> {
    let unknown = unread(Op::ImportRelease, None);
    let mut argument = DmabufImpRelease { fd: u32::MAX, reserved: 0 };
    let missing = calls.import_release(unknown, &mut argument);
    fails("the release of no import", ENOENT, "no_such_buffer").check(calls.log, missing)?;
    let unreadable = calls.import_release(unknown, fence.nowhere());
    fails("an import's release by an unreadable argument", EFAULT, "argument_unreadable").check(calls.log, unreadable).map(drop)
}

fn waits(calls: &Calls<'_>) -> Result<()> {
    let log = calls.log;
    let fence = Fence::new()?;
    let unknown = unread(Op::WaitReleased, None);
    let mut argument = DmabufExpWaitReleased { fd: u32::MAX, wait_to_ms: 0 };
    fails("a wait for no buffer", ENOENT, "no_such_buffer").check(log, calls.wait(unknown, &mut argument))?;
    fails("a wait by an unreadable argument", EFAULT, "argument_unreadable").check(log, calls.wait(unknown, fence.nowhere()))?;
    let exported = calls.export(Some(Buffer::Wc), abi::DMA_FLAG_WC, 2, &calls.references[..2], calls.owner.into());
    let exported = exported.map_err(|errno| unexpected("an export of two good references", errno))?;
    argument.fd = exported as u32;
    let held = calls.wait(Subject::new(Op::WaitReleased, Buffer::Wc, 2), &mut argument);
    fails("a wait for a buffer that is held", ETIMEDOUT, "still_held").check(log, held)?;
    calls.release(exported, Buffer::Wc, 2).map_err(|errno| unexpected("a release", errno))
}

/// The end of a map, which has to succeed.
pub fn unmap(calls: &Calls<'_>, index: u64, pages: usize, was_mapped: bool) -> Result<()> {
    calls.unmap(index, pages as u32).map_err(|errno| unexpected("an unmap", errno))?;
    if was_mapped {
        calls.log.note_teardown(Buffer::Pages, pages);
    }
    Ok(())
}

/// One page that is granted for a purpose.
struct Granted {
    index: u64,
    reference: GrantRef,
}

impl Granted {
    fn to(calls: &Calls<'_>, domid: DomId, flags: u16) -> Result<Self> {
        let (index, references) = calls.grant(domid, flags, 1, 1).map_err(|errno| unexpected("a grant of one page", errno))?;
        Ok(Self { index, reference: references[0] })
    }

    fn end(self, calls: &Calls<'_>) -> Result<()> {
        calls.ungrant(self.index, 1).map_err(|errno| unexpected("the end of a grant", errno))
    }
}

/// The call that had to succeed.
pub fn unexpected(what: &'static str, errno: nix::errno::Errno) -> Error {
    Error::from(Failure::Unexpected { what, answered: format!("{errno:?}"), expected: "ok".to_owned() })
}

fn null_device() -> Result<File> {
    const PATH: &str = "/dev/null";
    File::open(PATH).map_err(|cause| Error::from(Failure::Control { path: PATH.to_owned(), cause }))
}

/// The descriptor that the next file will have: the lowest that is free.
fn next_descriptor() -> Result<RawFd> {
    null_device().map(|file| file.as_raw_fd())
}
