//! The backend's side: asks, and waits for the answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{Ask, Desk, Handle, MAGIC, VERSION, Wish, word};
use crate::device::{Access, EventChannel, GntDev, GrantMap, Mapping};
use crate::error::{Error, Result};
use crate::peer::Offer;
use crate::truth::Log;
use crate::uapi::{DomId, GrantRef};

/// How long a frontend may take to answer: longer than any import takes under emulation.
const PATIENCE: Duration = Duration::from_secs(20);
/// So often it is looked whether the answer is there, in case nobody was woken.
const LOOK_UP: Duration = Duration::from_millis(100);

/// What a frontend made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// For asking to let go of it.
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
    pub fn of(log: &'log Log, peer: DomId, offer: &Offer) -> Result<Self> {
        let silent = || Error::PeerRequests { peer, what: "it takes no requests, and said why when it started".to_owned() };
        Self::connect(log, peer, offer.desk.ok_or_else(silent)?)
    }

    /// Connects. What an earlier backend left there is let go of.
    fn connect(log: &'log Log, peer: DomId, desk: Desk) -> Result<Self> {
        let map = GntDev::open(log)?.map(peer, &[desk.reference])?;
        let mapping = map.mmap(Access::ReadWrite)?;
        let known = [word::MAGIC, word::VERSION].map(|place| mapping.read(0, place * 4));
        if known != [MAGIC, VERSION] {
            return Err(Error::PeerRequests {
                peer,
                what: "its page is another one; use the same build in both domains".to_owned(),
            });
        }
        let channel = EventChannel::connected(peer, desk.port).map_err(|error| match error {
            Error::Call { errno: Errno::EINVAL, .. } => {
                let what = "another backend is connected to it; one at a time can ask".to_owned();
                Error::PeerRequests { peer, what }
            }
            other => other,
        })?;
        let number = mapping.read(0, word::ANSWER * 4);
        let mut client = Self { peer, channel, mapping, _map: map, number };
        client.ask(Ask::Begin)?;
        Ok(client)
    }

    /// Has it grant or import pages.
    pub fn make(&mut self, wish: Wish) -> Result<Asked> {
        let pages = wish.pages();
        self.ask(Ask::Make(wish))?;
        let (handle, total) = (self.word(word::HANDLE), self.word(word::TOTAL));
        let mut references = self.references();
        while total == pages && references.len() < pages as usize {
            self.ask(Ask::References { handle, first: references.len() as u32 })?;
            let more = self.references();
            if more.is_empty() {
                break;
            }
            references.extend(more);
        }
        if references.len() != pages as usize {
            let what = format!("it told {} references of {pages} pages", references.len());
            return Err(Error::PeerRequests { peer: self.peer, what });
        }
        Ok(Asked { handle, references })
    }

    /// Has it look at the first byte of a grant.
    pub fn look(&mut self, handle: Handle) -> Result<u8> {
        self.ask(Ask::Look { handle })?;
        Ok(self.word(word::BYTE) as u8)
    }

    /// Has it take back what it made.
    pub fn let_go(&mut self, handle: Handle) -> Result<()> {
        self.ask(Ask::LetGo { handle })
    }

    /// Those of the last answer.
    fn references(&self) -> Vec<GrantRef> {
        let here = (self.word(word::HERE) as usize).min(super::REFERENCES_PER_ANSWER);
        (0..here).map(|place| self.word(word::REFERENCES + place)).collect()
    }

    /// A signal does not end the waiting: what was asked for has to be known, to be undone.
    fn ask(&mut self, ask: Ask) -> Result<()> {
        self.number = self.number.wrapping_add(1);
        for (place, value) in ask.encode().into_iter().enumerate() {
            self.mapping.write(0, (word::ASK + place) * 4, value);
        }
        self.mapping.write(0, word::REQUEST * 4, self.number);
        self.channel.notify()?;
        let deadline = Instant::now() + PATIENCE;
        while self.word(word::ANSWER) != self.number {
            if Instant::now() >= deadline {
                let what = format!(
                    "it does not answer within {} s when it is to {}; does it still run?",
                    PATIENCE.as_secs(),
                    ask.describe()
                );
                return Err(Error::PeerRequests { peer: self.peer, what });
            }
            self.channel.wait(LOOK_UP)?;
        }
        match self.word(word::ERRNO) {
            0 => Ok(()),
            errno => Err(Error::PeerRefused { peer: self.peer, what: ask.describe(), errno: Errno::from_raw(errno as i32) }),
        }
    }

    fn word(&self, place: usize) -> u32 {
        self.mapping.read(0, place * 4)
    }
}

/// A frontend that takes requests, of whichever thread.
pub trait Asking: Send + Sync {
    /// Has it make something.
    fn make(&self, wish: Wish) -> Result<Asked>;
    /// Has it take that back.
    fn let_go(&self, handle: Handle) -> Result<()>;
    /// Has it look at the first byte of a grant, once of as often as it was told before.
    fn look(&self, handle: Handle) -> Result<u8>;
}

impl Asking for Mutex<Client<'_>> {
    fn make(&self, wish: Wish) -> Result<Asked> {
        self.lock().unwrap_or_else(PoisonError::into_inner).make(wish)
    }

    fn let_go(&self, handle: Handle) -> Result<()> {
        self.lock().unwrap_or_else(PoisonError::into_inner).let_go(handle)
    }

    fn look(&self, handle: Handle) -> Result<u8> {
        self.lock().unwrap_or_else(PoisonError::into_inner).look(handle)
    }
}

/// What the frontend made when it was asked. It is taken back when this is dropped.
pub struct AskedFor<'run> {
    desk: &'run dyn Asking,
    asked: Asked,
    ended: bool,
}

impl<'run> AskedFor<'run> {
    /// Asks for it.
    pub fn new(desk: &'run dyn Asking, wish: Wish) -> Result<Self> {
        Ok(Self { desk, asked: desk.make(wish)?, ended: false })
    }

    /// One for each page.
    pub fn references(&self) -> &[GrantRef] {
        &self.asked.references
    }

    /// What both sides call it.
    pub fn handle(&self) -> Handle {
        self.asked.handle
    }

    /// Has it taken back.
    pub fn let_go(mut self) -> Result<()> {
        self.ended = true;
        self.desk.let_go(self.asked.handle)
    }
}

impl Drop for AskedFor<'_> {
    fn drop(&mut self) {
        if !self.ended
            && let Err(error) = self.desk.let_go(self.asked.handle)
        {
            eprintln!("warning: {error}; the next run that asks there has it let go");
        }
    }
}
