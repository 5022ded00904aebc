//! The pages that a scenario file maps, of both sides.

use std::sync::Mutex;

use crate::device::GntAlloc;
use crate::error::Result;
use crate::peer::Offer;
use crate::peer::fill;
use crate::peer::fill_word;
use crate::peer::requests::{Client, RemoteFrontend};
use crate::script::{Plan, Side};
use crate::truth::{Log, Phase};
use crate::uapi::{DomId, GrantRef, gntalloc};
use crate::undo::RaisedLimit;

use super::{Place, limits};

/// Grants that can be mapped: their domain, their references, and the source of more.
#[derive(Default)]
pub struct Grants<'log> {
    own: (DomId, Vec<GrantRef>),
    peer: (DomId, Offer),
    frontend: Option<Box<dyn RemoteFrontend + 'log>>,
}

impl Grants<'_> {
    /// The source of more.
    pub fn frontend(&self) -> Option<&dyn RemoteFrontend> {
        self.frontend.as_deref()
    }

    /// The other domain.
    pub fn peer(&self) -> DomId {
        self.peer.0
    }

    /// The granting domain, and `pages` references from `first` on.
    pub fn of(&self, side: Side, first: usize, pages: usize) -> (DomId, &[GrantRef]) {
        let (domain, references) = match side {
            Side::Own => (self.own.0, &self.own.1),
            Side::Peer => (self.peer.0, &self.peer.1.pages),
            Side::PeerDmabuf => (self.peer.0, &self.peer.1.dmabuf),
        };
        (domain, &references[first..first + pages])
    }

    /// What the owner of a side's pages wrote into the one at `place`.
    pub fn contents(&self, side: Side, place: usize) -> u32 {
        let before = if side == Side::PeerDmabuf { self.peer.1.pages.len() } else { 0 };
        fill_word(before + place)
    }
}

/// Gets the pages, runs `body` on them, and returns them whatever its result.
pub fn with_grants(log: &Log, plan: &Plan, place: &Place, body: impl FnOnce(&Grants<'_>) -> Result<()>) -> Result<()> {
    let mut grants = Grants { own: (place.own, vec![]), ..Grants::default() };
    let needs = &plan.needs;
    let peer_pages = u32::try_from(needs.peer_pages).unwrap_or(u32::MAX);
    if let Some(search) = place.search(peer_pages)
        && (needs.peer_pages + needs.peer_dmabuf_pages > 0 || needs.requests)
    {
        let peer = search.peer;
        grants.peer = (peer, search.find(log).map_err(|error| limits::too_few_grants(plan, error))?);
        limits::within_dmabuf(plan, peer, grants.peer.1.dmabuf.len())?;
        if needs.requests {
            let client = Client::of(log, peer, &grants.peer.1)?;
            grants.frontend = Some(Box::new(Mutex::new(client)));
        }
    }
    let pages = plan.needs.own_pages;
    let _raised = match pages + plan.needs.held.granted_pages {
        0 => None,
        more => Some(RaisedLimit::by(gntalloc::LIMIT, more)?),
    };
    if pages == 0 {
        return body(&grants);
    }
    let device = GntAlloc::open(log)?;
    let granted = device.grant(place.own, pages)?;
    fill(&granted.mmap()?);
    grants.own.1 = granted.references().to_vec();
    let outcome = body(&grants);
    log.enter(Phase::Teardown);
    // The body's error says more than what follows from it.
    outcome.and(granted.ungrant())
}
