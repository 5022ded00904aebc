//! The backend's side of the directory: finding what the other domain grants.

use std::ops::RangeInclusive;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::device::{Access, GntDev};
use crate::directory::{self, Broken, Page, WORDS};
use crate::error::{Error, Result};
use crate::stop;
use crate::truth::{Log, Op};
use crate::uapi::{DomId, GrantRef};

/// Where a frontend's directory is looked for: the first references of a domain without other
/// frontends. 0 to 7 are reserved by Linux (`GNTTAB_NR_RESERVED_ENTRIES`).
pub const SEARCHED: RangeInclusive<GrantRef> = 8..=64;

/// How long between two looks at all of them.
const PAUSE: Duration = Duration::from_millis(200);

/// More directory pages than this are a circle: 64 of them hold all references Xen gives a domain
/// by default.
const MOST_DIRECTORY_PAGES: usize = 64;

/// What a peer grants. Page *i* of all of them, in this order, holds the number *i*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// References of ordinary pages.
    pub pages: Vec<GrantRef>,
    /// References of the pages of a dma-buf.
    pub dmabuf: Vec<GrantRef>,
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct Search {
    /// The domain that grants.
    pub peer: DomId,
    /// This domain, for telling what to do.
    pub own: DomId,
    /// The directory's reference, if known.
    pub directory: Option<GrantRef>,
    /// How long to look.
    pub timeout: Duration,
    /// How many pages are needed.
    pub pages: u32,
}

impl Search {
    /// What the peer grants, at least as many pages as needed. The first look is at the first
    /// reference, so a frontend that is ready costs one map per directory page.
    pub fn find(&self, log: &Log) -> Result<Offer> {
        let device = GntDev::open(log)?;
        let deadline = Instant::now() + self.timeout;
        let offer = loop {
            if let Some(offer) = self.look(&device)? {
                break offer;
            }
            if Instant::now() >= deadline {
                return Err(self.silent());
            }
            sleep(PAUSE);
        };
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
                return Ok(Offer { pages: references, dmabuf });
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
    /// It is mapped for reading only: it may be anybody's page.
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
        Error::BrokenDirectory { peer: self.peer, reference, reason }
    }

    fn silent(&self) -> Error {
        let searched = match self.directory {
            Some(one) => format!("reference {one}"),
            None => format!("references {} to {}", SEARCHED.start(), SEARCHED.end()),
        };
        Error::PeerSilent { peer: self.peer, own: self.own, searched, seconds: self.timeout.as_secs(), pages: self.pages }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_peer_is_an_error_that_says_what_to_start_there() {
        let search = Search { peer: 1, own: 0, directory: None, timeout: Duration::from_secs(10), pages: 2025 };
        insta::assert_snapshot!(search.silent(), @"domain 1 grants no directory page to this domain: looked at references 8 to 64 for 10 s. Is it up? Start `grantscope-workload frontend --to 0 --pages 2025` in it; if it printed another reference, give that with --directory-ref; a slow boot needs a longer --peer-timeout; or use --self to grant to this domain itself");
        let search = Search { directory: Some(80), ..search };
        assert!(search.silent().to_string().contains("looked at reference 80 for 10 s"));
    }
}
