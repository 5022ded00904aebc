//! Everything that can fail without harming the kernel: the errno, and what it hides.
//!
//! What is expected is written down here from the kernel's source and from what it was seen to do (drivers/xen/gntdev.c,
//! gntdev-dmabuf.c, gntalloc.c, grant-table.c, Linux v6.12); a kernel that does otherwise ends the run. Left out is what does harm:
//! imports of 65,536 pages, grants of nearly 2^32 pages, and memory running out in `DMABUF_EXP_WAIT_RELEASED`.

mod calls;
mod control;
pub mod exhausted;
mod expected;
mod injected;
mod triggers;

use grantscope_generator::device::GntDev;
use grantscope_generator::error::Result;
use grantscope_generator::stop;
use grantscope_generator::truth::{Log, Phase};
use grantscope_generator::uapi::gntalloc;
use grantscope_generator::undo::RaisedLimit;

use crate::capability::knows_dmabufs;
use crate::options::Options;
use crate::pages::{Shared, with_shared_pages};
use calls::Calls;

/// Pages for the calls that need good references, of this domain's own or of the peer.
const GRANTED: u32 = 32;
/// The default number of rounds.
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
