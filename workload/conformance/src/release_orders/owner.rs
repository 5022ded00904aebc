//! The owner of the pages that are mapped: this domain itself, or another one, whose frontend is asked.

use std::sync::Mutex;

use crate::options::Options;
use grantscope_generator::device::{GntAlloc, Granted, Looks};
use grantscope_generator::error::Result;
use grantscope_generator::peer::requests::{Client, Handle, MARK, RemoteFrontend, RemoteGrant, Request};
use grantscope_generator::truth::Log;
use grantscope_generator::uapi::{DomId, GrantRef, gntalloc};
use grantscope_generator::undo::RaisedLimit;

/// Pages of each map and buffer; a map that only checks a reference has one.
pub const PAGES: usize = 2;

/// The marked page.
pub const MARKED: usize = 0;
/// One look after each of the steps, of which there are four at most.
const LOOKS: usize = 4;

/// Who grants.
pub enum Owner<'run> {
    /// This domain, to itself.
    Own { domain: DomId, granting: GntAlloc<'run>, _raised: RaisedLimit },
    /// Another domain, to this one.
    Peer { domain: DomId, frontend: Box<dyn RemoteFrontend + 'run> },
}

impl<'run> Owner<'run> {
    /// The one that the run was asked for.
    pub fn of(log: &'run Log, options: &Options) -> Result<Self> {
        match options.place.search(0) {
            None => {
                let raised = RaisedLimit::by(gntalloc::LIMIT, PAGES)?;
                Ok(Self::Own { domain: options.place.own, granting: GntAlloc::open(log)?, _raised: raised })
            }
            Some(search) => {
                let client = Client::of(log, search.peer, &search.find(log)?)?;
                Ok(Self::Peer { domain: search.peer, frontend: Box::new(Mutex::new(client)) })
            }
        }
    }

    /// Its number.
    pub fn domain(&self) -> DomId {
        match self {
            Self::Own { domain, .. } | Self::Peer { domain, .. } => *domain,
        }
    }

    /// Has it grant pages, of which it will read the marked one.
    pub fn grant(&self) -> Result<Grants<'_>> {
        match self {
            Self::Own { domain, granting, .. } => {
                let granted = granting.grant(*domain, PAGES)?;
                let looks = granted.looks_at(MARKED, MARK, LOOKS)?;
                Ok(Grants::Own { granted: Some(granted), looks })
            }
            Self::Peer { frontend, .. } => {
                let asked = RemoteGrant::new(&**frontend, Request::Grant { pages: PAGES as u32, looks: LOOKS as u32 })?;
                Ok(Grants::Peers { handle: asked.handle(), asked: Some(asked), frontend: &**frontend })
            }
        }
    }
}

/// Pages that are granted, and can be read by their owner, even when they are not granted any more.
pub enum Grants<'run> {
    Own { granted: Option<Granted<'run>>, looks: Looks },
    Peers { asked: Option<RemoteGrant<'run>>, handle: Handle, frontend: &'run dyn RemoteFrontend },
}

impl Grants<'_> {
    /// One for each page.
    pub fn references(&self) -> Vec<GrantRef> {
        match self {
            Self::Own { granted, .. } => granted.as_ref().map_or(&[][..], Granted::references).to_vec(),
            Self::Peers { asked, .. } => asked.as_ref().map_or(&[][..], RemoteGrant::references).to_vec(),
        }
    }

    /// Has the owner take them back.
    pub fn ungrant(&mut self) -> Result<()> {
        match self {
            Self::Own { granted, .. } => granted.take().map_or(Ok(()), Granted::ungrant),
            Self::Peers { asked, .. } => asked.take().map_or(Ok(()), RemoteGrant::release),
        }
    }

    /// The first byte of the marked page, as its owner sees it.
    pub fn look(&mut self) -> Result<u8> {
        match self {
            Self::Own { looks, .. } => looks.look(),
            Self::Peers { frontend, handle, .. } => frontend.look(*handle),
        }
    }
}
