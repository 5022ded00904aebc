//! The backend's side: sends a request, and waits for the answer, but not for ever: the frontend is another domain's.

use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::line::{Connected, Line};
use super::patience::{AFTER_STOP, ANSWERS, Patience};
use super::{Command, Handle, REFERENCES_PER_ANSWER, Request, word};

use crate::error::{Error, Result};
use crate::peer::Offer;
use crate::truth::Log;
use crate::uapi::{DomId, GrantRef};

/// How often it is checked whether the answer is there, in case the event was lost, and whether the run is to stop.
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
pub struct Client<'log>(Conversation<Connected<'log>>);

impl<'log> Client<'log> {
    /// Connects to a frontend that offers this. What an earlier backend left there is released.
    ///
    /// # Errors
    /// It takes no requests, another backend is connected to it, or it does not answer.
    pub fn of(log: &'log Log, peer: DomId, offer: &Offer) -> Result<Self> {
        let silent = || Error::PeerRequests { peer, what: "it takes no requests, and said why when it started".to_owned() };
        Conversation::begin(peer, Connected::new(log, peer, offer.requests.ok_or_else(silent)?)?).map(Self)
    }

    /// Has it grant or import pages.
    ///
    /// # Errors
    /// It refuses, does not answer, or gives another number of references.
    pub fn make(&mut self, request: Request) -> Result<Made> {
        self.0.make(request)
    }

    /// Has it read the first byte of a grant.
    ///
    /// # Errors
    /// It refuses or does not answer.
    pub fn look(&mut self, handle: Handle) -> Result<u8> {
        self.0.look(handle)
    }

    /// Has it revoke what it made.
    ///
    /// # Errors
    /// It refuses or does not answer.
    pub fn release(&mut self, handle: Handle) -> Result<()> {
        self.0.release(handle)
    }
}

/// Requests and answers, over any line.
struct Conversation<L> {
    peer: DomId,
    line: L,
    number: u32,
    patience: Patience,
}

impl<L: Line> Conversation<L> {
    fn begin(peer: DomId, line: L) -> Result<Self> {
        let number = line.read(word::ANSWER);
        let mut conversation = Self { peer, line, number, patience: Patience::default() };
        conversation.send(Command::Begin)?;
        Ok(conversation)
    }

    fn make(&mut self, request: Request) -> Result<Made> {
        let began = self.line.now();
        self.send_since(began, Command::Make(request))?;
        let handle = self.line.read(word::HANDLE);
        match self.references(began, handle, request.pages() as usize) {
            Ok(references) => Ok(Made { handle, references }),
            Err(error) => {
                // It is of no use; the first error says more than what follows from it.
                let _ = self.release(handle);
                Err(error)
            }
        }
    }

    /// Those of the last answer, and of as many more as it takes. Each gives as many as it has room for: no more answers are waited for
    /// than there have to be.
    fn references(&mut self, began: Instant, handle: Handle, pages: usize) -> Result<Vec<GrantRef>> {
        let total = self.line.read(word::TOTAL) as usize;
        let mut references = Vec::new();
        loop {
            let (here, most) = (self.line.read(word::HERE) as usize, (pages - references.len()).min(REFERENCES_PER_ANSWER));
            if total != pages || here != most {
                let given = references.len() + here.min(most);
                let what =
                    format!("it gave {given} references of {total}, and there should be {pages}, as many as fit in each answer");
                return Err(Error::PeerRequests { peer: self.peer, what });
            }
            references.extend((0..here).map(|place| self.line.read(word::REFERENCES + place)));
            if references.len() == pages {
                return Ok(references);
            }
            self.send_since(began, Command::References { handle, first: references.len() as u32 })?;
        }
    }

    fn look(&mut self, handle: Handle) -> Result<u8> {
        self.send(Command::Look { handle })?;
        Ok(self.line.read(word::BYTE) as u8)
    }

    fn release(&mut self, handle: Handle) -> Result<()> {
        self.send(Command::Release { handle })
    }

    fn send(&mut self, command: Command) -> Result<()> {
        self.send_since(self.line.now(), command)
    }

    /// A signal does not end the wait at once: what was requested has to be known, to be undone.
    fn send_since(&mut self, began: Instant, command: Command) -> Result<()> {
        if self.patience.has_ended() {
            return Err(Error::PeerGivenUp { peer: self.peer, what: command.describe() });
        }
        self.number = self.number.wrapping_add(1);
        for (place, value) in command.encode().into_iter().enumerate() {
            self.line.write(word::COMMAND + place, value);
        }
        self.line.write(word::REQUEST, self.number);
        self.line.notify()?;
        while self.line.read(word::ANSWER) != self.number {
            let is_stopping = self.line.is_stopping();
            let left = self.patience.left(began, self.line.now(), is_stopping);
            if left.is_zero() {
                return Err(self.silent(command, is_stopping));
            }
            self.line.wait(left.min(POLL))?;
        }
        match self.line.read(word::ERRNO) {
            0 => Ok(()),
            errno => Err(Error::PeerRefused { peer: self.peer, what: command.describe(), errno: Errno::from_raw(errno as i32) }),
        }
    }

    fn silent(&self, command: Command, is_stopping: bool) -> Error {
        let (limit, after) = if is_stopping { (AFTER_STOP, " after the signal") } else { (ANSWERS, "") };
        let what = format!(
            "it does not answer within {} s{after} when it is to {}; does it still run? Nothing more is requested, and the next run that \
             requests there has released what this one leaves",
            limit.as_secs(),
            command.describe()
        );
        Error::PeerRequests { peer: self.peer, what }
    }
}

#[cfg(test)]
mod tests;
