//! What a frontend grants, and by which channels its references are exchanged.

use std::time::Duration;

use crate::device::Xenstore;
use crate::error::Result;
use crate::uapi::GrantRef;
use crate::uapi::evtchn::Port;

/// How long xenstored may take to answer where the user asked for it.
const REQUIRED: Duration = Duration::from_secs(10);

/// And where it is one of several channels: it answers within a few milliseconds, and the directory serves as well.
const OPTIONAL: Duration = Duration::from_millis(200);

/// How references are exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Channel {
    /// In every way that there is
    #[default]
    Any,
    /// By a page that holds nothing but references, which a backend looks for
    Directory,
    /// In xenstore
    Xenstore,
}

impl Channel {
    /// Whether a directory page may be used.
    pub fn by_directory(self) -> bool {
        self != Self::Xenstore
    }

    /// xenstore, if that may be used and is there.
    ///
    /// # Errors
    /// It is not there, and no other channel may be used.
    pub fn xenstore(self) -> Result<Option<Xenstore>> {
        match self {
            Self::Directory => Ok(None),
            Self::Xenstore => Xenstore::open(REQUIRED).map(Some),
            Self::Any => Ok(Xenstore::open(OPTIONAL).ok()),
        }
    }
}

/// What a peer grants. Page *i* of all of them, in this order, holds the number *i*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// References of ordinary pages.
    pub pages: Vec<GrantRef>,
    /// References of the pages of a dma-buf.
    pub dmabuf: Vec<GrantRef>,
    /// Where it takes requests, if it does.
    pub requests: Option<RequestPage>,
}

impl Offer {
    /// All references, in the order of the pages' numbers.
    pub fn references(&self) -> Vec<GrantRef> {
        [&self.pages[..], &self.dmabuf].concat()
    }
}

/// How much it is.
impl std::fmt::Display for Offer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} pages", self.pages.len())?;
        if self.dmabuf.is_empty() { Ok(()) } else { write!(f, " and {} of a dma-buf", self.dmabuf.len()) }
    }
}

/// Where a frontend takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestPage {
    /// The page.
    pub reference: GrantRef,
    /// The frontend's end of the event channel.
    pub port: Port,
}
