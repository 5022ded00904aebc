//! The pages that a scenario maps: another domain's, or this one's own.

use grantscope_generator::device::GntAlloc;
use grantscope_generator::error::Result;
use grantscope_generator::peer::fill;
use grantscope_generator::truth::{Log, Phase};
use grantscope_generator::uapi::{DomId, GrantRef, gntalloc};
use grantscope_generator::undo::RaisedLimit;

use crate::options::Options;

/// Grants that can be mapped: whose they are, and their references.
#[derive(Clone, Copy)]
pub struct Shared<'refs> {
    /// The granting domain.
    pub domain: DomId,
    /// One reference per page, at least as many as the largest page count.
    pub references: &'refs [GrantRef],
}

/// Gets the pages, runs `body` on them, and returns them whatever its result.
pub fn with_shared_pages(log: &Log, options: &Options, body: impl FnOnce(Shared<'_>) -> Result<()>) -> Result<()> {
    log.enter(Phase::Setup);
    let pages = options.most_pages();
    match options.place.search(pages) {
        Some(search) => {
            let offer = search.find(log)?;
            body(Shared { domain: search.peer, references: &offer.pages })
        }
        None => {
            let _raised = RaisedLimit::by(gntalloc::LIMIT, pages as usize)?;
            let device = GntAlloc::open(log)?;
            let granted = device.grant(options.place.own, pages as usize)?;
            fill(&granted.mmap()?);
            let outcome = body(Shared { domain: options.place.own, references: granted.references() });
            log.enter(Phase::Teardown);
            // The body's error says more than what follows from it.
            outcome.and(granted.ungrant())
        }
    }
}
