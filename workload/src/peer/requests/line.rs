//! The line to a frontend: its request page, and the event channel beside it.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{MAGIC, VERSION, word};

use crate::device::{Access, EventChannel, GntDev, GrantMap, Mapping};
use crate::error::{Error, Result};
use crate::peer::RequestPage;
use crate::stop;
use crate::truth::Log;
use crate::uapi::DomId;

/// What a client needs of the world: words that it shares with a frontend, a bell, and the time.
pub(super) trait Line {
    fn read(&self, place: usize) -> u32;
    fn write(&self, place: usize, value: u32);

    /// Says that there is something to be read.
    ///
    /// # Errors
    /// The kernel refuses it.
    fn notify(&self) -> Result<()>;

    /// Waits until the frontend says so, at most for `limit`.
    ///
    /// # Errors
    /// The kernel refuses it.
    fn wait(&self, limit: Duration) -> Result<()>;

    fn now(&self) -> Instant;

    /// Whether the run is to stop.
    fn is_stopping(&self) -> bool;
}

/// The one of Xen.
pub(super) struct Connected<'log> {
    channel: EventChannel,
    mapping: Mapping<'log>,
    // After the mapping.
    _map: GrantMap<'log>,
}

impl<'log> Connected<'log> {
    /// Maps the page, and connects to the channel.
    ///
    /// # Errors
    /// The page is another one, or another backend is connected.
    pub fn new(log: &'log Log, peer: DomId, page: RequestPage) -> Result<Self> {
        let map = GntDev::open(log)?.map(peer, &[page.reference])?;
        let mapping = map.mmap(Access::ReadWrite)?;
        let known = [word::MAGIC, word::VERSION].map(|place| mapping.read(0, place * 4));
        if known != [MAGIC, VERSION] {
            return Err(Error::PeerRequests {
                peer,
                what: "its page is another one; use the same build in both domains".to_owned(),
            });
        }
        let channel = EventChannel::connected(peer, page.port).map_err(|error| match error {
            Error::Call { errno: Errno::EINVAL, .. } => {
                let what = "another backend is connected to it; there can be one at a time".to_owned();
                Error::PeerRequests { peer, what }
            }
            other => other,
        })?;
        Ok(Self { channel, mapping, _map: map })
    }
}

impl Line for Connected<'_> {
    fn read(&self, place: usize) -> u32 {
        self.mapping.read(0, place * 4)
    }

    fn write(&self, place: usize, value: u32) {
        self.mapping.write(0, place * 4, value);
    }

    fn notify(&self) -> Result<()> {
        self.channel.notify()
    }

    fn wait(&self, limit: Duration) -> Result<()> {
        self.channel.wait(limit).map(drop)
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn is_stopping(&self) -> bool {
        stop::requested()
    }
}
