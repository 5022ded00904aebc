//! The frontend's side: serves a backend's requests.

use std::collections::BTreeMap;

use nix::errno::Errno;

use super::bounds::{Held, MOST_EXPLAINED, MOST_LOOKED_AT};
use super::{Command, Handle, MAGIC, MARK, REFERENCES_PER_ANSWER, Request, VERSION, word};
use grantscope_output::say;

use crate::device::{EventChannel, GntAlloc, Granted, GrantedPages, Looks};
use crate::error::{Error, Result};
use crate::peer::{Imported, fill};
use crate::truth::Log;
use crate::uapi::{DomId, GrantRef, gntalloc};
use crate::undo::RaisedLimit;

/// A frontend that takes requests.
pub struct Service<'run> {
    log: &'run Log,
    to: DomId,
    device: GntAlloc<'run>,
    channel: &'run EventChannel,
    page: &'run GrantedPages<'run>,
    answered: u32,
    next: Handle,
    objects: BTreeMap<Handle, Object<'run>>,
    /// At grants, also those that were released: the last ones.
    looks: BTreeMap<Handle, Looks>,
    /// Requests that were refused.
    refused: u32,
}

/// What was made for a backend. Its parts are in the order in which they have to go.
enum Object<'run> {
    Grant { granted: Granted<'run>, _raised: RaisedLimit },
    Import(Imported<'run>),
}

impl Object<'_> {
    fn references(&self) -> &[GrantRef] {
        match self {
            Self::Grant { granted, .. } => granted.references(),
            Self::Import(imported) => imported.references(),
        }
    }

    fn release(self) -> Result<()> {
        match self {
            Self::Grant { granted, _raised } => granted.ungrant(),
            Self::Import(imported) => imported.release(),
        }
    }
}

/// What is answered: of what, and its references from which one on.
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
        Self {
            log,
            to,
            device,
            channel,
            page,
            answered: 0,
            next: 1,
            objects: BTreeMap::new(),
            looks: BTreeMap::new(),
            refused: 0,
        }
    }

    /// Serves a request, if there is one, and answers it.
    ///
    /// # Errors
    /// The event channel fails. That a request fails is answered.
    pub fn serve(&mut self) -> Result<()> {
        self.channel.take_in()?;
        let number = self.word(word::REQUEST);
        if number == self.answered {
            // A backend that connects is notified once before it sends any.
            return Ok(());
        }
        // Read once: the memory is the backend's too.
        let [argument, other] = word::ARGUMENTS.map(|place| self.word(place));
        let answer = match Command::decode([self.word(word::COMMAND), argument, other]) {
            Some(command) => self.execute(command).inspect_err(|error| self.explain(command, error)),
            None => Err(Error::Call { call: "a request", on: "that is not known".to_owned(), errno: Errno::ENOSYS }),
        };
        let errno = match answer {
            Ok(answer) => {
                self.answer(answer);
                0
            }
            Err(error) => error.errno().unwrap_or(Errno::EIO) as i32 as u32,
        };
        self.write(word::ERRNO, errno);
        self.answered = number;
        self.write(word::ANSWER, number);
        self.channel.notify()
    }

    fn explain(&mut self, command: Command, error: &Error) {
        self.refused = self.refused.saturating_add(1);
        if self.refused <= MOST_EXPLAINED {
            say!("frontend: cannot {}: {error}", command.describe());
        }
        if self.refused == MOST_EXPLAINED {
            say!("frontend: that was number {MOST_EXPLAINED}; what is refused from now on is answered, and not said here");
        }
    }

    fn execute(&mut self, command: Command) -> Result<Answer> {
        match command {
            Command::Begin => {
                self.looks.clear();
                self.end().map(|()| None)
            }
            Command::Look { handle } => self.look(handle).map(|()| None),
            Command::Make(request @ Request::Grant { looks, .. }) => {
                let pages = self.held().room_for(request)?;
                let raised = RaisedLimit::by(gntalloc::LIMIT, pages)?;
                let granted = self.device.grant(self.to, pages)?;
                fill(&granted.mmap()?);
                let looks = if looks == 0 { None } else { Some(granted.looks_at(0, MARK, looks as usize)?) };
                let handle = self.keep(Object::Grant { granted, _raised: raised });
                self.looks.extend(looks.map(|looks| (handle, looks)));
                if self.looks.len() > MOST_LOOKED_AT {
                    self.looks.pop_first();
                }
                Ok(Some((handle, 0)))
            }
            Command::Make(request @ Request::Import { from, .. }) => {
                let pages = self.held().room_for(request)?;
                let imported = Imported::new(self.log, self.to, 0, pages, from)?;
                Ok(Some((self.keep(Object::Import(imported)), 0)))
            }
            Command::References { handle, first } => Ok(Some((handle, first as usize))),
            Command::Release { handle } => match self.objects.remove(&handle) {
                Some(object) => object.release().map(|()| None),
                None => Err(unknown("release", handle)),
            },
        }
    }

    fn look(&mut self, handle: Handle) -> Result<()> {
        let looks = self.looks.get_mut(&handle).ok_or_else(|| unknown("look", handle))?;
        let byte = looks.look()?;
        if looks.is_used_up() {
            self.looks.remove(&handle);
        }
        self.write(word::BYTE, byte.into());
        Ok(())
    }

    fn held(&self) -> Held {
        self.objects.values().fold(Held::default(), |held, object| Held {
            objects: held.objects + 1,
            imports: held.imports + usize::from(matches!(object, Object::Import(_))),
            pages: held.pages + object.references().len(),
        })
    }

    fn keep(&mut self, object: Object<'run>) -> Handle {
        let handle = self.next;
        self.next += 1;
        self.objects.insert(handle, object);
        handle
    }

    fn answer(&self, answer: Answer) {
        let (handle, first) = answer.unwrap_or_default();
        let references = self.objects.get(&handle).map_or(&[][..], Object::references);
        let here = references.get(first..).unwrap_or_default();
        let here = &here[..here.len().min(REFERENCES_PER_ANSWER)];
        self.write(word::HANDLE, handle);
        self.write(word::TOTAL, references.len() as u32);
        self.write(word::HERE, here.len() as u32);
        here.iter().enumerate().for_each(|(place, reference)| self.write(word::REFERENCES + place, *reference));
    }

    /// Revokes everything that the peer has not returned.
    ///
    /// # Errors
    /// The first of them, after all of it.
    pub fn end(&mut self) -> Result<()> {
        let outcomes: Vec<_> = std::mem::take(&mut self.objects).into_values().rev().map(Object::release).collect();
        outcomes.into_iter().collect()
    }

    fn word(&self, place: usize) -> u32 {
        self.page.read(0, place * 4)
    }

    fn write(&self, place: usize, value: u32) {
        self.page.write(0, place * 4, value);
    }
}

fn unknown(call: &'static str, handle: Handle) -> Error {
    Error::Call { call, on: format!("number {handle}"), errno: Errno::ENOENT }
}
