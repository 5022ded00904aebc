//! The backend's side: asks, and waits for the answer.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{Ask, Desk, Handle, MAGIC, VERSION, word};
use crate::device::{Access, EventChannel, GntDev, GrantMap, Mapping};
use crate::error::{Error, Result};
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
    /// Connects. What an earlier backend left there is let go of.
    pub fn connect(log: &'log Log, peer: DomId, desk: Desk) -> Result<Self> {
        let map = GntDev::open(log)?.map(peer, &[desk.reference])?;
        let mapping = map.mmap(Access::ReadWrite)?;
        let known = [word::MAGIC, word::VERSION].map(|place| mapping.read(0, place * 4));
        if known != [MAGIC, VERSION] {
            return Err(Error::PeerRequests {
                peer,
                what: "its page is another one; use the same build in both domains".to_owned(),
            });
        }
        let channel = EventChannel::connected(peer, desk.port)?;
        let number = mapping.read(0, word::ANSWER * 4);
        let mut client = Self { peer, channel, mapping, _map: map, number };
        client.ask(Ask::Begin)?;
        Ok(client)
    }

    /// Has it grant or import pages.
    pub fn make(&mut self, ask: Ask) -> Result<Asked> {
        let (Ask::Grant { pages } | Ask::Import { pages, .. }) = ask else {
            return self.ask(ask).map(|()| Asked { handle: 0, references: vec![] });
        };
        self.ask(ask)?;
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
