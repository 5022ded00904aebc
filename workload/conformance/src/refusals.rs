//! Calls that the kernel must refuse, each with its known errno: failures are operations too, and
//! a profiler has to count them as what they are.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;

use crate::failure::Failure;
use grantscope_generator::device::{Access, ForeignBuf, GntDev, Importable, Released};
use grantscope_generator::error::{Error, Result};
use grantscope_generator::stop;
use grantscope_generator::truth::{Buffer, Log, Phase};
use grantscope_generator::uapi::{DomId, GrantRef};

use crate::capability::{Action, possible_actions};
use crate::options::Options;
use crate::pages::{Shared, with_shared_pages};

/// A reference that no domain grants here: near the end of the default grant table.
const NOT_GRANTED: GrantRef = 31_000;
/// A domain that does not exist here.
const NOT_THERE: DomId = 7;

/// The default number of rounds.
const ITERATIONS: u32 = 10;

/// Does each of them, and checks the kernel's answer.
pub fn run(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<()> {
    log.enter(Phase::Setup);
    let actions = possible_actions(log, options, skipped)?;
    with_shared_pages(log, options, |shared| {
        log.enter(Phase::Run);
        for _ in 0..options.iterations.unwrap_or(ITERATIONS) {
            stop::check()?;
            let device = GntDev::open(log)?;
            for action in &actions {
                match *action {
                    Action::Map => maps(&device, shared)?,
                    Action::Export(buffer) => exports(&device, shared, buffer)?,
                    Action::ImportForeign => imports(&device, options.place.own)?,
                    Action::Grant => {}
                }
            }
        }
        eprintln!("refusals: every call was refused as it should be");
        Ok(())
    })
}

fn maps(device: &GntDev<'_>, shared: Shared<'_>) -> Result<()> {
    let good = shared.references[0];
    for (domain, references, some_are_mapped) in [
        (shared.domain, vec![NOT_GRANTED], false),
        (NOT_THERE, vec![good], false),
        (shared.domain, vec![good, NOT_GRANTED], true),
    ] {
        // The map itself succeeds: Xen is asked at mmap only.
        let map = device.map(domain, &references)?;
        expect(map.mmap(Access::ReadWrite), Errno::EINVAL, "mmap of a reference that was not granted")?;
        if some_are_mapped {
            map.left_some_mapped();
        }
        map.unmap()?;
    }
    let map = device.map(shared.domain, &[good])?;
    let mapping = map.mmap(Access::ReadWrite)?;
    expect(map.mmap(Access::ReadWrite), Errno::EINVAL, "a second mmap of one map")?;
    mapping.munmap()?;
    map.unmap()
}

fn exports(device: &GntDev<'_>, shared: Shared<'_>, buffer: Buffer) -> Result<()> {
    let refused = device.export(buffer, shared.domain, &[NOT_GRANTED]);
    expect(refused, Errno::EINVAL, "export of a reference that was not granted")?;
    let exported = device.export(buffer, shared.domain, &shared.references[..1])?;
    match exported.watch().wait(Duration::ZERO)? {
        Released::NotYet => {}
        other => return Err(Error::Waiter { what: format!("found an open buffer {other:?}") }),
    }
    exported.release()
}

fn imports(device: &GntDev<'_>, own: DomId) -> Result<()> {
    let foreign = ForeignBuf::of_any_kind(1)?;
    let misjudged = Misjudged(&foreign);
    let refused = device.import(&misjudged, own);
    expect(refused, Errno::EINVAL, "import of more pages than there are")
}

/// A buffer that is taken for one page larger than it is.
struct Misjudged<'buf>(&'buf ForeignBuf);

impl AsFd for Misjudged<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Importable for Misjudged<'_> {
    fn buffer(&self) -> Buffer {
        self.0.buffer()
    }

    fn pages(&self) -> usize {
        self.0.pages() + 1
    }
}

/// The call must have failed, and just so.
fn expect<T>(answer: Result<T>, expected: Errno, what: &'static str) -> Result<()> {
    match answer {
        Err(Error::Operation { errno, .. }) if errno == expected => Ok(()),
        Err(other) => Err(other),
        Ok(_) => Err(Error::from(Failure::NotRefused { what, expected })),
    }
}
