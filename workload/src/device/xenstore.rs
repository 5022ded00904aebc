//! A client of xenstore, over the kernel's device: the tree of names and values by which domains find each other.
//!
//! It is our own because the existing ones do not fit: libxenstore and its bindings cannot be linked into a static
//! binary, `xenstore-rs` is under the GPL alone, and `krata-xenstore` needs an asynchronous runtime.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::open::{is_readable, open_xen};
use crate::error::{Error, Result, errno_of};
use crate::stop::{self, LOOK_UP_NS};
use crate::uapi::DomId;
use crate::uapi::xenstore::{Header, Kind, MOST_BYTES, PATH, errno};

const ADVICE: &str = "this domain was started without xenstore, or the kernel has no CONFIG_XEN_XENBUS_FRONTEND; without it, \
                      references can be exchanged through a directory page: leave --channel out, or use --channel directory";

/// How long an answer may take: a running xenstored is faster.
const ANSWER: Duration = Duration::from_secs(10);

/// And once the run is to stop: what is undone then needs answers too.
const ANSWER_AFTER_STOP: Duration = Duration::from_secs(2);

/// How often a transaction is tried that conflicts with others.
const TRIES: usize = 100;

/// A connection to xenstore. It ends when this is dropped, with its watches and transactions.
pub struct Xenstore {
    device: File,
    /// The number of the last request.
    request: u32,
    /// Whether an event came while something else was waited for.
    event: bool,
}

/// What may be done between the beginning and the end of a transaction: others see all of it or nothing.
pub struct Transaction<'store> {
    store: &'store mut Xenstore,
    id: u32,
}

impl Xenstore {
    /// Connects. An error says that there is no xenstore for this domain. In dom0 the device can be opened even if no
    /// xenstored is running: then there is no answer within `timeout`.
    ///
    /// # Errors
    /// There is no device, or no xenstored that answers.
    pub fn open(timeout: Duration) -> Result<Self> {
        let device = File::from(open_xen(PATH, ADVICE)?);
        let mut store = Self { device, request: 0, event: false };
        // A watch would wait for ever, and could not even be killed.
        let asked = store.ask(Kind::Read, 0, b"domid\0", timeout);
        match asked.map_err(|refused| refused.at("read", "domid")) {
            Err(Error::XenstoreSilent { .. }) => Err(Error::NoXenstored { path: PATH }),
            _ => Ok(store),
        }
    }

    /// This domain's number.
    ///
    /// # Errors
    /// xenstored does not answer, or does not know it.
    pub fn own_domid(&mut self) -> Result<DomId> {
        let text = self.outside().read("domid")?.unwrap_or_default();
        text.parse().map_err(|_| Error::XenstoreContents {
            path: "domid".to_owned(),
            reason: format!("it should be this domain's number and is {text:?}; xen-init-dom0 or the toolstack writes it"),
        })
    }

    /// Does it all at once, or nothing of it. `body` runs again if others changed what it read.
    ///
    /// # Errors
    /// Those of `body`, xenstored does not answer, or others change the same nodes all the time.
    pub fn transaction<T>(&mut self, mut body: impl FnMut(&mut Transaction<'_>) -> Result<T>) -> Result<T> {
        for attempt in 0..TRIES {
            // Others may change the same nodes all the time, on purpose.
            if attempt > 0 {
                stop::check()?;
            }
            let started =
                self.ask(Kind::TransactionStart, 0, b"\0", ANSWER).map_err(|refused| refused.at("begin", "a transaction"))?;
            let id = text(&started).parse().map_err(|_| Error::XenstoreContents {
                path: "a transaction".to_owned(),
                reason: format!("xenstored gave it the number {:?}", text(&started)),
            })?;
            let mut transaction = Transaction { store: self, id };
            let done = body(&mut transaction);
            let end: &[u8] = if done.is_ok() { b"T\0" } else { b"F\0" };
            match self.ask(Kind::TransactionEnd, id, end, ANSWER) {
                Err(Refused::With(Errno::EAGAIN)) if done.is_ok() => {}
                // The body's error says more than what follows from it.
                ended => {
                    return done.and_then(|value| ended.map(|_| value).map_err(|refused| refused.at("end", "a transaction")));
                }
            }
        }
        Err(Refused::With(Errno::EAGAIN).at("end", "a transaction"))
    }

    /// For a single thing, which needs no transaction.
    pub fn outside(&mut self) -> Transaction<'_> {
        Transaction { store: self, id: 0 }
    }

    /// From now on [`wait`](Self::wait) ends when something at or below `path` changes. It ends once at first.
    ///
    /// # Errors
    /// xenstored refuses it or does not answer.
    pub fn watch(&mut self, path: &str) -> Result<()> {
        let body = [path.as_bytes(), b"\0grantscope\0"].concat();
        self.ask(Kind::Watch, 0, &body, ANSWER).map(drop).map_err(|refused| refused.at("watch", path))
    }

    /// Waits for a change of what is watched; after `limit` it is `false`.
    ///
    /// # Errors
    /// The device fails.
    pub fn wait(&mut self, limit: Duration) -> Result<bool> {
        let deadline = Instant::now() + limit;
        while !self.event {
            match self.receive(deadline) {
                // An answer to a request that was given up.
                Ok(_) => {}
                Err(Refused::Silent) => return Ok(false),
                Err(refused) => return Err(refused.at("watch", "xenstore")),
            }
        }
        self.event = false;
        Ok(true)
    }

    fn ask(&mut self, kind: Kind, transaction: u32, body: &[u8], timeout: Duration) -> Result<Vec<u8>, Refused> {
        let bytes = u32::try_from(body.len()).ok().filter(|_| body.len() <= MOST_BYTES).ok_or(Refused::With(Errno::E2BIG))?;
        self.request += 1;
        let header = Header { kind: kind as u32, request: self.request, transaction, bytes };
        self.device.write_all(&[&header.encode()[..], body].concat()).map_err(|error| Refused::With(errno_of(&error)))?;
        let deadline = Instant::now() + timeout;
        loop {
            let (header, body) = self.receive(deadline)?;
            if header.request == self.request && !header.is(Kind::WatchEvent) {
                return if header.is(Kind::Error) { Err(Refused::With(errno(&text(&body)))) } else { Ok(body) };
            }
        }
    }

    /// The next message. Events are remembered on the way.
    fn receive(&mut self, deadline: Instant) -> Result<(Header, Vec<u8>), Refused> {
        let mut header = [0; Header::BYTES];
        self.fill(&mut header, deadline)?;
        let header = Header::decode(header);
        let mut body = vec![0; header.bytes as usize];
        self.fill(&mut body, deadline)?;
        self.event |= header.is(Kind::WatchEvent);
        Ok((header, body))
    }

    fn fill(&mut self, bytes: &mut [u8], mut deadline: Instant) -> Result<(), Refused> {
        let (mut filled, mut is_stopping) = (0, false);
        while filled < bytes.len() {
            if !is_stopping && stop::requested() {
                is_stopping = true;
                deadline = deadline.min(Instant::now() + ANSWER_AFTER_STOP);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            // A signal wakes one thread, which need not be this one.
            match is_readable(self.device.as_fd(), left.min(Duration::from_nanos(LOOK_UP_NS))) {
                Ok(true) => {}
                Ok(false) if Instant::now() < deadline => continue,
                Ok(false) => return Err(Refused::Silent),
                Err(errno) => return Err(Refused::With(errno)),
            }
            match self.device.read(&mut bytes[filled..]) {
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Refused::With(errno_of(&error))),
            }
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// The value of a node, or `None` if it does not exist.
    ///
    /// # Errors
    /// xenstored refuses it or does not answer.
    pub fn read(&mut self, path: &str) -> Result<Option<String>> {
        match self.ask(Kind::Read, path, &[]) {
            Ok(value) => Ok(Some(text(&value))),
            Err(Refused::With(Errno::ENOENT)) => Ok(None),
            Err(refused) => Err(refused.at("read", path)),
        }
    }

    /// Writes a node, and makes it and those above it if need be. New ones have the permissions of the one above.
    ///
    /// # Errors
    /// xenstored refuses it or does not answer.
    pub fn write(&mut self, path: &str, value: &str) -> Result<()> {
        self.ask(Kind::Write, path, value.as_bytes()).map(drop).map_err(|refused| refused.at("write", path))
    }

    /// Removes a node and everything below it, if it exists.
    ///
    /// # Errors
    /// xenstored refuses it or does not answer.
    pub fn remove(&mut self, path: &str) -> Result<()> {
        match self.ask(Kind::Remove, path, &[]) {
            Ok(_) | Err(Refused::With(Errno::ENOENT)) => Ok(()),
            Err(refused) => Err(refused.at("remove", path)),
        }
    }

    /// Makes `owner` the owner of the node, readable by `reader` only; privileged domains have full access anyway.
    ///
    /// # Errors
    /// xenstored refuses it or does not answer.
    pub fn let_read(&mut self, path: &str, owner: DomId, reader: DomId) -> Result<()> {
        let permissions = format!("n{owner}\0r{reader}\0");
        self.ask(Kind::SetPermissions, path, permissions.as_bytes())
            .map(drop)
            .map_err(|refused| refused.at("set the permissions of", path))
    }

    fn ask(&mut self, kind: Kind, path: &str, value: &[u8]) -> Result<Vec<u8>, Refused> {
        self.store.ask(kind, self.id, &[path.as_bytes(), b"\0", value].concat(), ANSWER)
    }
}

/// Why there was no answer, or none that helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    With(Errno),
    Silent,
}

impl Refused {
    fn at(self, access: &'static str, path: &str) -> Error {
        let path = path.to_owned();
        match self {
            Self::With(errno) => Error::Xenstore { access, path, errno },
            Self::Silent => Error::XenstoreSilent { access, path },
        }
    }
}

/// Texts in messages end with a zero, values in nodes do not.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned()
}
