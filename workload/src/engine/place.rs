//! Where a scenario is run: in which domain, and on whose pages.

use std::time::Duration;

use crate::peer::{Channel, Search};
use crate::uapi::{DomId, GrantRef};

/// Where a scenario is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// This domain's number.
    pub own: DomId,
    /// Whose pages are mapped where the scenario does not say.
    pub source: Source,
}

/// Whose pages are mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This domain's own, granted to itself.
    Own,
    /// Another domain's.
    Peer {
        /// The domain.
        peer: DomId,
        /// How its references are found.
        channel: Channel,
        /// The directory's reference, if known.
        directory: Option<GrantRef>,
        /// How long to look for it.
        timeout: Duration,
    },
}

impl Place {
    /// How to find this many pages of a peer; `None`: they are this domain's own.
    pub fn search(&self, pages: u32) -> Option<Search> {
        let Source::Peer { peer, channel, directory, timeout } = self.source else { return None };
        Some(Search { peer, own: self.own, channel, directory, timeout, pages })
    }
}
