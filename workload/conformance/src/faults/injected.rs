//! Every allocation that a call makes, failing in turn: until the call makes no more, and succeeds.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::mman::MapFlags;

use crate::failure::Failure;
use grantscope_generator::device::ForeignBuf;
use grantscope_generator::error::{Error, Result};
use grantscope_generator::stop;
use grantscope_generator::truth::{Buffer, Op, Subject, Why};
use grantscope_generator::uapi::gntalloc::FLAG_WRITABLE;
use grantscope_generator::uapi::gntdev::DmabufImpRelease;

use super::calls::{Answer, Calls, KINDS, Shown};
use super::control::Injection;
use super::triggers::{unexpected, unmap};

/// Pages of each call: where one of them fails, the other is there to be undone.
const PAGES: usize = 2;
/// More allocations than any of these calls makes.
const MOST: u32 = 200;
/// Of a grant only the first two fail: the array of references, and what describes the first page. If the page itself cannot be allocated,
/// gntalloc counts it twice as it undoes (`add_grefs` in drivers/xen/gntalloc.c, Linux v6.12.117), and where its count is below zero,
/// which is then compared without a sign, it grants nothing any more.
const MOST_OF_GRANT: u32 = 2;

/// What the kernel's log says of a fault, for a cause: the first function of these that led to it.
const CAUSES: [(&str, &str); 9] = [
    ("set_foreign_p2m_mapping", "p2m_failed"),
    ("gnttab_dma_alloc_pages", "half_built_dma_map"),
    ("gnttab_alloc_pages", "page_alloc_failed"),
    ("vm_map_pages_zero", "vma_insert_failed"),
    ("dma_buf_export", "dmabuf_alloc_failed"),
    ("dmabuf_exp_from_pages", "dmabuf_alloc_failed"),
    ("dma_buf_dynamic_attach", "attach_failed"),
    ("dma_buf_map_attachment", "attachment_map_failed"),
    ("gntalloc_ioctl", "allocation_failed"),
];
const OTHERWISE: &str = "bookkeeping_alloc_failed";
/// Allocations that must not complain (`__GFP_NOWARN`) fail without a word in the log, injected or not. On the way of these calls
/// those are: the pages (`GFP_BALLOON` in drivers/xen/balloon.c), the DMA buffer (`gnttab_dma_alloc_pages`), and what notes a frame
/// (`GFP_NOWAIT` in arch/arm/xen/p2m.c), which alone gives EINVAL.
const SILENT_PAGES: Option<&str> = Some("page_alloc_failed");
const SILENT_DMA: Option<&str> = Some("half_built_dma_map");
const P2M_FAILED: &str = "p2m_failed";

/// All calls that allocate.
pub fn run(calls: &Calls<'_>, injection: &mut Injection, with_dmabufs: bool) -> Result<()> {
    each(injection, "map", MOST, |injection| map(calls, injection))?;
    each(injection, "mmap", MOST, |injection| mmap(calls, injection))?;
    each(injection, "grant", MOST_OF_GRANT, |injection| grant(calls, injection))?;
    if with_dmabufs {
        for (buffer, flags) in KINDS {
            each(injection, buffer.name(), MOST, |injection| export(calls, injection, buffer, flags))?;
        }
        let foreign = ForeignBuf::of_any_kind(PAGES)?;
        let mut attaches = false;
        each(injection, "import", MOST, |injection| import(calls, injection, &foreign, &mut attaches))?;
    }
    Ok(())
}

/// Has the first allocation fail, the second and so on, until there is none to fail, or as many have as may.
fn each(
    injection: &mut Injection,
    what: &str,
    most: u32,
    mut call: impl FnMut(&mut Injection) -> Result<Option<&'static str>>,
) -> Result<()> {
    let mut causes: Vec<(&'static str, u32)> = Vec::new();
    let print = |causes: &[(&str, u32)]| {
        let list: Vec<_> = causes.iter().map(|(cause, times)| format!("{cause} {times}")).collect();
        eprintln!("faults: {what} of {PAGES} pages: {}", list.join(", "));
        Ok(())
    };
    for nth in 1..=most {
        stop::check()?;
        injection.arm(nth);
        let cause = call(injection)?;
        if !injection.happened() {
            return print(&causes);
        }
        let cause = cause.unwrap_or("no failure");
        match causes.iter_mut().find(|(known, _)| *known == cause) {
            Some((_, times)) => *times += 1,
            None => causes.push((cause, 1)),
        }
    }
    if most < MOST {
        return print(&causes);
    }
    Err(Error::from(Failure::Unexpected {
        what: "a call whose allocations fail",
        answered: format!("more than {MOST}"),
        expected: "fewer".into(),
    }))
}

/// Why the last call failed, from what the kernel logged about the fault. `silent` is what fails without a word.
fn explain(calls: &Calls<'_>, trace: &str, silent: Option<&'static str>, errno: Errno) -> Result<&'static str> {
    let cause = match (trace.is_empty(), errno, silent) {
        (false, ..) => cause(trace),
        (true, Errno::EINVAL, _) => P2M_FAILED,
        (true, _, Some(cause)) => cause,
        (true, _, None) => return Err(unexplained(errno, "no word of a fault in the kernel's log")),
    };
    let expected = if cause == P2M_FAILED { Errno::EINVAL } else { Errno::ENOMEM };
    if errno != expected {
        return Err(unexplained(errno, cause));
    }
    calls.log.explain(Why { cause, statuses: "" });
    Ok(cause)
}

/// What the kernel wrote of the fault; empty: nothing.
fn trace(injection: &mut Injection, errno: Errno) -> Result<String> {
    let said = injection.messages()?;
    if let Some(complaint) = ["WARNING: ", "BUG: ", "kernel BUG"].into_iter().find(|complaint| said.contains(complaint)) {
        return Err(unexplained(errno, complaint));
    }
    if !injection.happened() {
        return Err(unexplained(errno, "no allocation that failed"));
    }
    Ok(if said.contains("FAULT_INJECTION") { said } else { String::new() })
}

fn unexplained(errno: Errno, with: &str) -> Error {
    let answered = format!("{errno:?}, with {with}");
    Error::from(Failure::Unexpected {
        what: "a call whose allocation failed",
        answered,
        expected: "an error that follows from it".to_owned(),
    })
}

fn cause(trace: &str) -> &'static str {
    CAUSES.into_iter().find(|(function, _)| trace.contains(function)).map_or(OTHERWISE, |(_, cause)| cause)
}

fn map(calls: &Calls<'_>, injection: &mut Injection) -> Result<Option<&'static str>> {
    let good = calls.good(PAGES);
    match calls.with(injection).map(PAGES as u32, &good) {
        Ok(index) => unmap(calls, index, PAGES, false).map(|()| None),
        Err(errno) => explain(calls, &trace(injection, errno)?, SILENT_PAGES, errno).map(Some),
    }
}

/// mmap(2) allocates before it asks gntdev: what fails there is no operation of gntdev's.
fn mmap(calls: &Calls<'_>, injection: &mut Injection) -> Result<Option<&'static str>> {
    let index = calls.map(PAGES as u32, &calls.good(PAGES)).map_err(|errno| unexpected("a map", errno))?;
    let timed = calls.with(injection).mmap_unnoted(index, PAGES, MapFlags::MAP_SHARED);
    let subject = Subject::new(Op::Mmap, Buffer::Pages, PAGES);
    let Err(errno) = timed.result else {
        let shown: Answer<Shown> = calls.log.note(subject, timed);
        let munmapped = shown.and_then(|shown| calls.munmap(shown));
        munmapped.map_err(|errno| unexpected("munmap", errno))?;
        return unmap(calls, index, PAGES, true).map(|()| None);
    };
    let trace = trace(injection, errno)?;
    // Only what notes a frame gives EINVAL, and it says no word.
    let reached_gntdev = trace.contains("gntdev_mmap") || trace.is_empty() && errno == Errno::EINVAL;
    if !reached_gntdev {
        unmap(calls, index, PAGES, false)?;
        return Ok(Some("before gntdev"));
    }
    let _ = calls.log.note(subject, timed);
    let cause = explain(calls, &trace, None, errno)?;
    // One of two was given back, or neither.
    unmap(calls, index, PAGES, true)?;
    Ok(Some(cause))
}

fn grant(calls: &Calls<'_>, injection: &mut Injection) -> Result<Option<&'static str>> {
    match calls.with(injection).grant(calls.own, FLAG_WRITABLE, PAGES as u32, PAGES) {
        Ok((index, _)) => {
            calls.ungrant(index, PAGES as u32).map_err(|errno| unexpected("the end of a grant", errno))?;
            Ok(None)
        }
        Err(errno) => explain(calls, &trace(injection, errno)?, None, errno).map(Some),
    }
}

fn export(calls: &Calls<'_>, injection: &mut Injection, buffer: Buffer, flags: u32) -> Result<Option<&'static str>> {
    let references = &calls.references[..PAGES];
    match calls.with(injection).export(Some(buffer), flags, PAGES as u32, references, calls.owner.into()) {
        Ok(descriptor) => {
            calls.release(descriptor, buffer, PAGES).map_err(|errno| unexpected("a release", errno))?;
            Ok(None)
        }
        Err(errno) => {
            let silent = if buffer == Buffer::Pages { SILENT_PAGES } else { SILENT_DMA };
            let cause = explain(calls, &trace(injection, errno)?, silent, errno)?;
            if [P2M_FAILED, "dmabuf_alloc_failed"].contains(&cause) {
                calls.log.note_teardown(buffer, PAGES);
            }
            Ok(Some(cause))
        }
    }
}

/// gntdev learns whose buffer it is when it attaches: what failed before has no kind of buffer.
fn import(
    calls: &Calls<'_>,
    injection: &mut Injection,
    foreign: &ForeignBuf,
    attaches: &mut bool,
) -> Result<Option<&'static str>> {
    let descriptor = foreign.as_fd().as_raw_fd();
    let subject = |known: bool| Subject { op: Op::Import, buffer: known.then_some(Buffer::Foreign), pages: Some(PAGES as u32) };
    let timed = calls.with(injection).import_unnoted(descriptor, PAGES);
    let Err(errno) = timed.result else {
        let _ = calls.log.note(subject(true), timed);
        let mut argument = DmabufImpRelease { fd: descriptor as u32, reserved: 0 };
        let released = calls.import_release(Subject::new(Op::ImportRelease, Buffer::Foreign, PAGES), &mut argument);
        return released.map(|()| None).map_err(|errno| unexpected("an import's release", errno));
    };
    let trace = trace(injection, errno)?;
    *attaches |= trace.contains("dma_buf_dynamic_attach");
    let _ = calls.log.note(subject(*attaches), timed);
    explain(calls, &trace, None, errno).map(Some)
}
