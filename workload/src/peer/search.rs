//! The backend's side: finds what the other domain grants, in xenstore or by its directory page.

use std::ops::RangeInclusive;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use grantscope_output::say;

use crate::device::{Access, GntDev};
use crate::error::{Error, Result};
use crate::stop;
use crate::truth::{Log, Op};
use crate::uapi::{DomId, GrantRef};

use super::directory::{self, Broken, Page, WORDS};
use super::{Channel, Offer, xenstore};

/// Where a frontend's directory is looked for: the first references of a domain without other
/// frontends. 0 to 7 are reserved by Linux (`GNTTAB_NR_RESERVED_ENTRIES`).
pub const SEARCHED: RangeInclusive<GrantRef> = 8..=64;

/// How long between two looks at all of them.
const PAUSE: Duration = Duration::from_millis(200);

/// More directory pages than this are a circle: 64 of them hold all references Xen gives a domain
/// by default.
const MOST_DIRECTORY_PAGES: usize = 64;

/// A search for the pages that a peer's frontend offers.
#[derive(Clone, Debug)]
pub struct Search {
    /// The domain that grants.
    pub peer: DomId,
    /// This domain.
    pub own: DomId,
    /// How its references are found.
    pub channel: Channel,
    /// The directory's reference, if known.
    pub directory: Option<GrantRef>,
    /// How long to look.
    pub timeout: Duration,
    /// How many pages are needed.
    pub pages: u32,
}

impl Search {
    /// What the peer grants, at least as many pages as needed. A frontend that is ready costs no map if it published in
    /// xenstore, and one per directory page if not: the first look is at the first reference.
    ///
    /// # Errors
    /// The peer offers nothing in time, or too little, or what it offers is broken.
    pub fn find(&self, log: &Log) -> Result<Offer> {
        // A reference that is known needs no looking for.
        let mut store = if self.directory.is_some() { None } else { self.channel.xenstore()? };
        let path = xenstore::path(self.peer, self.own);
        if let Some(store) = &mut store {
            store.watch(&path)?;
        }
        let device = if self.channel.by_directory() { Some(GntDev::open(log)?) } else { None };
        let deadline = Instant::now() + self.timeout;
        let has_xenstore = store.is_some();
        let go_on = || {
            stop::check()?;
            if Instant::now() < deadline { Ok(()) } else { Err(self.silent(has_xenstore)) }
        };
        loop {
            let published = store.as_mut().map(|store| xenstore::read(store, &path, go_on)).transpose()?.flatten();
            if let Some(offer) = published {
                return self.enough(offer, "in xenstore");
            }
            let found = device.as_ref().map(|device| self.look(device)).transpose()?.flatten();
            if let Some(offer) = found {
                return self.enough(offer, "by its directory");
            }
            go_on()?;
            match &mut store {
                Some(store) => drop(store.wait(PAUSE)?),
                None => sleep(PAUSE),
            }
        }
    }

    fn enough(&self, offer: Offer, found: &str) -> Result<Offer> {
        say!("peer: domain {} grants {offer}, found {found}", self.peer);
        if offer.pages.len() < self.pages as usize {
            return Err(Error::PeerTooSmall { peer: self.peer, granted: offer.pages.len(), needed: self.pages });
        }
        Ok(offer)
    }

    fn look(&self, device: &GntDev<'_>) -> Result<Option<Offer>> {
        let candidates = self.directory.map_or(SEARCHED, |one| one..=one);
        for reference in candidates {
            stop::check()?;
            if let Some(first) = self.read_page(device, reference, 0)? {
                return self.follow(device, first).map(Some);
            }
        }
        Ok(None)
    }

    /// Reads the rest of a directory that starts with `first`.
    fn follow(&self, device: &GntDev<'_>, first: Page) -> Result<Offer> {
        let mut references = first.references;
        let mut next = first.next;
        for _ in 0..MOST_DIRECTORY_PAGES {
            let Some(reference) = next else {
                let dmabuf = references.split_off(references.len().saturating_sub(first.dmabuf));
                return Ok(Offer { pages: references, dmabuf, requests: first.requests });
            };
            let page = self.read_page(device, reference, references.len())?;
            let page = page.ok_or_else(|| self.broken(reference, Broken::NoMagic))?;
            references.extend(page.references);
            next = page.next;
        }
        let endless = Broken::Counts { total: first.total as u32, here: 0, first: 0 };
        Err(self.broken(next.unwrap_or(0), endless))
    }

    /// The directory page at `reference`, or `None` if nothing or something else is granted there.
    /// It is mapped read-only: it may be any program's page.
    fn read_page(&self, device: &GntDev<'_>, reference: GrantRef, already: usize) -> Result<Option<Page>> {
        let map = device.map(self.peer, &[reference])?;
        let mapping = match map.mmap(Access::ReadOnly) {
            Ok(mapping) => mapping,
            Err(Error::Operation { op: Op::Mmap, errno: Errno::EINVAL, .. }) => return Ok(None),
            Err(other) => return Err(other),
        };
        let page = directory::decode(|word| mapping.read(0, word.min(WORDS - 1) * 4), already);
        mapping.munmap()?;
        map.unmap()?;
        match page {
            Ok(page) => Ok(Some(page)),
            Err(Broken::NoMagic) => Ok(None),
            Err(reason) => Err(self.broken(reference, reason)),
        }
    }

    fn broken(&self, reference: GrantRef, reason: Broken) -> Error {
        Error::BrokenDirectory { peer: self.peer, reference, reason: reason.to_string() }
    }

    fn silent(&self, in_xenstore: bool) -> Error {
        let mut places = Vec::new();
        if in_xenstore {
            places.push(format!("at {} in xenstore", xenstore::path(self.peer, self.own)));
        }
        match self.directory {
            Some(one) => places.push(format!("at reference {one}")),
            None if self.channel.by_directory() => {
                places.push(format!("at references {} to {}", SEARCHED.start(), SEARCHED.end()))
            }
            None => {}
        }
        let searched = places.join(" and ");
        Error::PeerSilent { peer: self.peer, own: self.own, searched, seconds: self.timeout.as_secs(), pages: self.pages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_peer_is_an_error_that_says_what_to_start_there() {
        let channel = Channel::Any;
        let search = Search { peer: 1, own: 0, channel, directory: None, timeout: Duration::from_secs(10), pages: 2025 };
        insta::assert_snapshot!(search.silent(true), @"domain 1 offers no pages to this domain: looked at /local/domain/1/data/grantscope/0 in xenstore and at references 8 to 64 for 10 s. Is it up? Start `grantscope-workload frontend --to 0 --pages 2025` in it; if it printed another reference, give that with --directory-ref; a slow boot needs a longer --peer-timeout; or use --self to grant to this domain itself");
        let search = Search { directory: Some(80), ..search };
        assert!(search.silent(false).to_string().contains("looked at reference 80 for 10 s"));
    }
}
