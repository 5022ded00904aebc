//! The backend's side: sends a request, and waits for the answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{Command, Handle, MAGIC, Request, VERSION, word};
use grantscope_output::say;

use crate::device::{Access, EventChannel, GntDev, GrantMap, Mapping};
use crate::error::{Error, Result};
use crate::peer::{Offer, RequestPage};
use crate::truth::Log;
use crate::uapi::{DomId, GrantRef};

/// How long a frontend may take to answer: longer than any import takes under emulation.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How often it is checked whether the answer is there, in case the event was lost.
const POLL: Duration = Duration::from_millis(100);

/// An object that a frontend made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// To release it by.
    pub handle: Handle,
    /// Its references.
    pub references: Vec<GrantRef>,
}

/// A connection to a frontend that takes requests. Its page is mapped as long as it lives.
pub struct Client<'log> {
    peer: DomId,
    channel: EventChannel,
    mapping: Mapping<'log>,
    // After the mapping.
    _map: GrantMap<'log>,
    number: u32,
}

impl<'log> Client<'log> {
    /// Connects to a frontend that offers this.
    ///
    /// # Errors
    /// It takes no requests, another backend is connected to it, or it does not answer.
    pub fn of(log: &'log Log, peer: DomId, offer: &Offer) -> Result<Self> {
        let silent = || Error::PeerRequests { peer, what: "it takes no requests, and said why when it started".to_owned() };
        Self::connect(log, peer, offer.requests.ok_or_else(silent)?)
    }

    /// Connects. What an earlier backend left there is released.
    fn connect(log: &'log Log, peer: DomId, page: RequestPage) -> Result<Self> {
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
        let number = mapping.read(0, word::ANSWER * 4);
        let mut client = Self { peer, channel, mapping, _map: map, number };
        client.send(Command::Begin)?;
        Ok(client)
    }

    /// Has it grant or import pages.
    ///
    /// # Errors
    /// It refuses, does not answer, or gives another number of references.
    pub fn make(&mut self, request: Request) -> Result<Made> {
        let pages = request.pages();
        self.send(Command::Make(request))?;
        let (handle, total) = (self.word(word::HANDLE), self.word(word::TOTAL));
        let mut references = self.references();
        while total == pages && references.len() < pages as usize {
            self.send(Command::References { handle, first: references.len() as u32 })?;
            let more = self.references();
            if more.is_empty() {
                break;
            }
            references.extend(more);
        }
        if references.len() != pages as usize {
            let what = format!("it gave {} references for {pages} pages", references.len());
            return Err(Error::PeerRequests { peer: self.peer, what });
        }
        Ok(Made { handle, references })
    }

    /// Has it read the first byte of a grant.
    ///
    /// # Errors
    /// It refuses or does not answer.
    pub fn look(&mut self, handle: Handle) -> Result<u8> {
        self.send(Command::Look { handle })?;
        Ok(self.word(word::BYTE) as u8)
    }

    /// Has it revoke what it made.
    ///
    /// # Errors
    /// It refuses or does not answer.
    pub fn release(&mut self, handle: Handle) -> Result<()> {
        self.send(Command::Release { handle })
    }

    /// Those of the last answer.
    fn references(&self) -> Vec<GrantRef> {
        let here = (self.word(word::HERE) as usize).min(super::REFERENCES_PER_ANSWER);
        (0..here).map(|place| self.word(word::REFERENCES + place)).collect()
    }

    /// A signal does not end the wait: what was requested has to be known, to be undone.
    fn send(&mut self, command: Command) -> Result<()> {
        self.number = self.number.wrapping_add(1);
        for (place, value) in command.encode().into_iter().enumerate() {
            self.mapping.write(0, (word::COMMAND + place) * 4, value);
        }
        self.mapping.write(0, word::REQUEST * 4, self.number);
        self.channel.notify()?;
        let deadline = Instant::now() + TIMEOUT;
        while self.word(word::ANSWER) != self.number {
            if Instant::now() >= deadline {
                let what = format!(
                    "it does not answer within {} s when it is to {}; does it still run?",
                    TIMEOUT.as_secs(),
                    command.describe()
                );
                return Err(Error::PeerRequests { peer: self.peer, what });
            }
            self.channel.wait(POLL)?;
        }
        match self.word(word::ERRNO) {
            0 => Ok(()),
            errno => Err(Error::PeerRefused { peer: self.peer, what: command.describe(), errno: Errno::from_raw(errno as i32) }),
        }
    }

    fn word(&self, place: usize) -> u32 {
        self.mapping.read(0, place * 4)
    }
}

/// A frontend that takes requests, from any thread.
pub trait RemoteFrontend: Send + Sync {
    /// Has it make something.
    ///
    /// # Errors
    /// As of [`Client::make`].
    fn make(&self, request: Request) -> Result<Made>;
    /// Has it take that back.
    ///
    /// # Errors
    /// As of [`Client::release`].
    fn release(&self, handle: Handle) -> Result<()>;
    /// Has it read the first byte of a grant, one of the reads that were requested with the grant.
    ///
    /// # Errors
    /// As of [`Client::look`].
    fn look(&self, handle: Handle) -> Result<u8>;
}

impl RemoteFrontend for Mutex<Client<'_>> {
    fn make(&self, request: Request) -> Result<Made> {
        self.lock().unwrap_or_else(PoisonError::into_inner).make(request)
    }

    fn release(&self, handle: Handle) -> Result<()> {
        self.lock().unwrap_or_else(PoisonError::into_inner).release(handle)
    }

    fn look(&self, handle: Handle) -> Result<u8> {
        self.lock().unwrap_or_else(PoisonError::into_inner).look(handle)
    }
}

/// An object that a frontend made on request. It is revoked when this is dropped.
pub struct RemoteGrant<'run> {
    frontend: &'run dyn RemoteFrontend,
    made: Made,
    ended: bool,
}

impl<'run> RemoteGrant<'run> {
    /// Requests it.
    ///
    /// # Errors
    /// As of [`Client::make`].
    pub fn new(frontend: &'run dyn RemoteFrontend, request: Request) -> Result<Self> {
        Ok(Self { frontend, made: frontend.make(request)?, ended: false })
    }

    /// One for each page.
    pub fn references(&self) -> &[GrantRef] {
        &self.made.references
    }

    /// Its handle, known to both sides.
    pub fn handle(&self) -> Handle {
        self.made.handle
    }

    /// Revokes it.
    ///
    /// # Errors
    /// As of [`Client::release`].
    pub fn release(mut self) -> Result<()> {
        self.ended = true;
        self.frontend.release(self.made.handle)
    }
}

impl Drop for RemoteGrant<'_> {
    fn drop(&mut self) {
        if !self.ended
            && let Err(error) = self.frontend.release(self.made.handle)
        {
            say!("warning: {error}; the next run that requests there has it released");
        }
    }
}
