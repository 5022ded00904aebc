//! Everything that can fail without harming the kernel: the errno, and what it hides.
//!
//! What is expected is written down here from the kernel's source and from what it was seen to do (drivers/xen/gntdev.c,
//! gntdev-dmabuf.c, gntalloc.c, grant-table.c, Linux v6.12); a kernel that does otherwise ends the run. Left out is what does harm:
//! imports of 65,536 pages, grants of nearly 2^32 pages, and memory running out in `DMABUF_EXP_WAIT_RELEASED`.

mod calls;
mod control;
pub mod exhausted;
mod injected;
mod triggers;

use nix::errno::Errno;

use crate::device::GntDev;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::stop;
use crate::truth::{Log, Phase, Why};
use crate::uapi::gntalloc;
use crate::undo::RaisedLimit;

use crate::Options;
use crate::capability::possible_actions;
use crate::pages::{Shared, with_shared_pages};
use calls::Calls;

/// Pages for the calls that need good references, of this domain's own or of the peer.
const GRANTED: u32 = 32;
/// How often all is done, unless told otherwise.
const ITERATIONS: u32 = 3;

/// Does each of them, and checks the kernel's answer.
pub fn run(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<()> {
    log.enter(Phase::Setup);
    let with_dmabufs = knows_dmabufs(log, options, skipped)?;
    with_shared_pages(log, &Options { pages: vec![GRANTED], ..options.clone() }, |shared| {
        on(log, options, shared, with_dmabufs, skipped)
    })
}

/// The same, with good references.
fn on(log: &Log, options: &Options, shared: Shared<'_>, with_dmabufs: bool, skipped: &mut Vec<String>) -> Result<()> {
    // For what the calls themselves grant.
    let _raised = RaisedLimit::by(gntalloc::LIMIT, GRANTED as usize)?;
    log.enter(Phase::Run);
    for _ in 0..options.iterations.unwrap_or(ITERATIONS) {
        stop::check()?;
        let device = GntDev::open(log)?;
        let calls = Calls::new(log, &device, options.place.own, shared)?;
        triggers::run(&calls, with_dmabufs)?;
    }
    match control::Injection::begin() {
        Ok(mut injection) => {
            let device = GntDev::open(log)?;
            let calls = Calls::new(log, &device, options.place.own, shared)?;
            injected::run(&calls, &mut injection, with_dmabufs)?;
        }
        Err(error) => skipped.push(format!("memory that runs out: {error}")),
    }
    eprintln!("faults: every call failed as it should");
    Ok(())
}

/// Whether there is more than maps and grants. Notes what this kernel lacks; here every kind of buffer is needed.
fn knows_dmabufs(log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<bool> {
    Ok(possible_actions(log, options, skipped)?.len() > 2)
}

/// How a call has to end.
#[derive(Clone, Copy)]
pub struct Expected {
    /// What is done, for people.
    pub what: &'static str,
    /// `None`: it succeeds.
    pub errno: Option<Errno>,
    /// What stands behind that.
    pub why: Why,
}

/// It fails for this reason.
pub const fn fails(what: &'static str, errno: Errno, cause: &'static str) -> Expected {
    Expected { what, errno: Some(errno), why: Why { cause, statuses: "" } }
}

/// Xen refuses references with these statuses.
pub const fn refused(what: &'static str, errno: Option<Errno>, statuses: &'static str) -> Expected {
    Expected { what, errno, why: Why { cause: "grants_refused", statuses } }
}

impl Expected {
    /// Compares, and says in the log why.
    pub fn check<T>(self, log: &Log, answer: std::result::Result<T, Errno>) -> Result<Option<T>> {
        let answered = answer.as_ref().err().copied();
        if answered != self.errno {
            let name = |errno: Option<Errno>| errno.map_or_else(|| "ok".to_owned(), |errno| format!("{errno:?}"));
            return Err(Error::from(Failure::Unexpected {
                what: self.what,
                answered: name(answered),
                expected: name(self.errno),
            }));
        }
        log.explain(self.why);
        Ok(answer.ok())
    }
}
