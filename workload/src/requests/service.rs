//! The frontend's side: does what a backend asks for.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::{Ask, Handle, MAGIC, MARK, REFERENCES_PER_ANSWER, VERSION, Wish, word};
use crate::device::{EventChannel, GntAlloc, Granted, GrantedPages, Looks, RaisedLimit};
use crate::error::{Error, Result};
use crate::frontend::{Imported, fill};
use crate::truth::Log;
use crate::uapi::gntdev::IMPORT_PAGES_END;
use crate::uapi::{DomId, GrantRef, gntalloc};

/// A frontend that takes requests.
pub struct Service<'run> {
    log: &'run Log,
    to: DomId,
    device: GntAlloc<'run>,
    channel: &'run EventChannel,
    page: &'run GrantedPages<'run>,
    answered: u32,
    next: Handle,
    made: BTreeMap<Handle, Made<'run>>,
    /// At grants, also those that were let go of.
    looks: BTreeMap<Handle, Looks>,
}

/// What was made for a backend. Its parts are in the order in which they have to go.
enum Made<'run> {
    Grant { granted: Granted<'run>, _raised: RaisedLimit },
    Import(Imported<'run>),
}

impl Made<'_> {
    fn references(&self) -> &[GrantRef] {
        match self {
            Self::Grant { granted, .. } => granted.references(),
            Self::Import(imported) => imported.references(),
        }
    }

    fn let_go(self) -> Result<()> {
        match self {
            Self::Grant { granted, _raised } => granted.ungrant(),
            Self::Import(imported) => imported.release(),
        }
    }
}

/// What is said back: of what, and its references from which one on.
type Answer = Option<(Handle, usize)>;

impl<'run> Service<'run> {
    /// Takes requests of `to` on a page that is granted to it.
    pub fn new(
        log: &'run Log,
        to: DomId,
        device: GntAlloc<'run>,
        channel: &'run EventChannel,
        page: &'run GrantedPages<'run>,
    ) -> Self {
        page.write(0, word::VERSION * 4, VERSION);
        page.write(0, word::MAGIC * 4, MAGIC);
        Self { log, to, device, channel, page, answered: 0, next: 1, made: BTreeMap::new(), looks: BTreeMap::new() }
    }

    /// Does what is asked for, if anything is, and says so.
    pub fn serve(&mut self) -> Result<()> {
        self.channel.take_in()?;
        let number = self.word(word::REQUEST);
        if number == self.answered {
            // Whoever connects is heard once before it asks.
            return Ok(());
        }
        // Read once: the memory is the backend's too.
        let [argument, other] = word::ARGUMENTS.map(|place| self.word(place));
        let answer = match Ask::decode([self.word(word::ASK), argument, other]) {
            Some(ask) => self.answer(ask).inspect_err(|error| eprintln!("frontend: cannot {}: {error}", ask.describe())),
            None => Err(Error::Call { call: "a request", on: "that is not known".to_owned(), errno: Errno::ENOSYS }),
        };
        let errno = match answer {
            Ok(answer) => {
                self.tell(answer);
                0
            }
            Err(error) => error.errno().unwrap_or(Errno::EIO) as i32 as u32,
        };
        self.say(word::ERRNO, errno);
        self.answered = number;
        self.say(word::ANSWER, number);
        self.channel.notify()
    }

    fn answer(&mut self, ask: Ask) -> Result<Answer> {
        match ask {
            Ask::Begin => {
                self.looks.clear();
                self.end().map(|()| None)
            }
            Ask::Look { handle } => match self.looks.get_mut(&handle) {
                Some(looks) => {
                    let byte = looks.look()?;
                    self.say(word::BYTE, byte.into());
                    Ok(None)
                }
                None => Err(unknown("look", handle)),
            },
            Ask::Make(Wish::Grant { pages, looks }) => {
                let pages = allowed(pages)?;
                let raised = RaisedLimit::by(gntalloc::LIMIT, pages)?;
                let granted = self.device.grant(self.to, pages)?;
                fill(&granted.mmap()?);
                let looks = if looks == 0 { None } else { Some(granted.looks_at(0, MARK, looks as usize)?) };
                let handle = self.keep(Made::Grant { granted, _raised: raised });
                self.looks.extend(looks.map(|looks| (handle, looks)));
                Ok(Some((handle, 0)))
            }
            Ask::Make(Wish::Import { pages, from }) => {
                let imported = Imported::new(self.log, self.to, 0, allowed(pages)?, from)?;
                Ok(Some((self.keep(Made::Import(imported)), 0)))
            }
            Ask::References { handle, first } => Ok(Some((handle, first as usize))),
            Ask::LetGo { handle } => match self.made.remove(&handle) {
                Some(made) => made.let_go().map(|()| None),
                None => Err(unknown("let go", handle)),
            },
        }
    }

    fn keep(&mut self, made: Made<'run>) -> Handle {
        let handle = self.next;
        self.next += 1;
        self.made.insert(handle, made);
        handle
    }

    fn tell(&self, answer: Answer) {
        let (handle, first) = answer.unwrap_or_default();
        let references = self.made.get(&handle).map_or(&[][..], Made::references);
        let here = references.get(first..).unwrap_or_default();
        let here = &here[..here.len().min(REFERENCES_PER_ANSWER)];
        self.say(word::HANDLE, handle);
        self.say(word::TOTAL, references.len() as u32);
        self.say(word::HERE, here.len() as u32);
        here.iter().enumerate().for_each(|(place, reference)| self.say(word::REFERENCES + place, *reference));
    }

    /// Takes back whatever was not given back; the first error is told, after all of it.
    pub fn end(&mut self) -> Result<()> {
        let outcomes: Vec<_> = std::mem::take(&mut self.made).into_values().rev().map(Made::let_go).collect();
        outcomes.into_iter().collect()
    }

    fn word(&self, place: usize) -> u32 {
        self.page.read(0, place * 4)
    }

    fn say(&self, place: usize, value: u32) {
        self.page.write(0, place * 4, value);
    }
}

fn unknown(call: &'static str, handle: Handle) -> Error {
    Error::Call { call, on: format!("number {handle}"), errno: Errno::ENOENT }
}

/// What the memory of this domain is not to be asked for beyond.
fn allowed(pages: u32) -> Result<usize> {
    if (1..IMPORT_PAGES_END as u32).contains(&pages) {
        return Ok(pages as usize);
    }
    Err(Error::Call { call: "a request", on: format!("for {pages} pages"), errno: Errno::EINVAL })
}
