//! The protocol by which a backend has a frontend grant pages, import buffers and take them back while it runs: over a shared request
//! page and an event channel, as drivers do over their rings.
//!
//! One request is outstanding at a time. The page holds words of 32 bits in the machine's byte order; only the first 4 KiB are used,
//! whatever the page size. A side writes the contents of a message before the number that makes it valid:
//!
//! | word | written by | holds |
//! | --- | --- | --- |
//! | 0 | frontend | [`MAGIC`]; stored last, when it takes requests |
//! | 1 | frontend | [`VERSION`] |
//! | 2 | backend | the request's number, another one than before |
//! | 3 | backend | the command: 1 begin, 2 grant, 3 import, 4 references, 5 release, 6 look |
//! | 4 | backend | of grant and import: how many pages; of the others: of which handle |
//! | 5 | backend | of grant: how many looks at its first byte; of import: 0 from udmabuf, 1 from the dma-heap; of references: which one comes first |
//! | 8 | frontend | the number of the request that is answered |
//! | 9 | frontend | 0, or the errno |
//! | 10 | frontend | the handle of what was made |
//! | 11 | frontend | how many references it has |
//! | 12 | frontend | how many of them follow here, the first ones or those that were requested |
//! | 13 | frontend | of look: the byte |
//! | 16 … | frontend | the references |
//!
//! *Begin* releases everything that a backend requested and did not release: one that was killed.
//! Page *i* of what was made is filled with the number *i*, as the pages are that the frontend grants from the start; but a grant
//! that is to be read begins with [`MARK`], of which a kernel that unmaps it can be asked to clear a byte. It can be looked at
//! after its release, too.
//!
//! Neither side trusts the other. An answer gives as many references as it has room for; who gives less is not asked again
//! (`patience.rs`: how long it is waited for). What a backend has no right to, or asks for too often, is answered with an errno
//! (`bounds.rs`: how much it may have).

mod bounds;
mod client;
mod line;
mod patience;
mod remote;
mod service;

pub use client::{Client, Made};
pub use remote::{RemoteFrontend, RemoteGrant};
pub use service::Service;

use crate::device::Memory;
use crate::uapi::GRANTED_BYTES;

/// "GSRQ": says that a frontend takes requests here.
pub const MAGIC: u32 = u32::from_le_bytes(*b"GSRQ");
/// Of the layout.
pub const VERSION: u32 = 1;

/// The words of the page, by their places.
mod word {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 1;
    pub const REQUEST: usize = 2;
    pub const COMMAND: usize = 3;
    pub const ARGUMENTS: [usize; 2] = [4, 5];
    pub const ANSWER: usize = 8;
    pub const ERRNO: usize = 9;
    pub const HANDLE: usize = 10;
    pub const TOTAL: usize = 11;
    pub const HERE: usize = 12;
    pub const BYTE: usize = 13;
    pub const REFERENCES: usize = 16;
}

/// How many references an answer has room for.
const REFERENCES_PER_ANSWER: usize = GRANTED_BYTES / 4 - word::REFERENCES;

/// The first word of a page that is to be read.
pub const MARK: u32 = 0x0101_0101;

/// The number by which both sides identify what a frontend made.
pub type Handle = u32;

/// The objects that a frontend can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Fresh pages, granted.
    Grant {
        /// How many.
        pages: u32,
        /// How often its first byte is to be read.
        looks: u32,
    },
    /// A dma-buf whose pages are granted.
    Import {
        /// How many.
        pages: u32,
        /// From where.
        from: Memory,
    },
}

impl Request {
    /// How many pages, and so references, it is about.
    pub fn pages(self) -> u32 {
        match self {
            Self::Grant { pages, .. } | Self::Import { pages, .. } => pages,
        }
    }
}

/// A message of the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Release what was requested before.
    Begin,
    /// Make something.
    Make(Request),
    /// Give more references of something.
    References {
        /// Of what.
        handle: Handle,
        /// The first one.
        first: u32,
    },
    /// Take something back.
    Release {
        /// What.
        handle: Handle,
    },
    /// Read the first byte of a grant.
    Look {
        /// Of which.
        handle: Handle,
    },
}

impl Command {
    /// As it is called in a sentence.
    fn describe(self) -> String {
        match self {
            Self::Begin => "take requests".to_owned(),
            Self::Make(Request::Grant { pages, .. }) => format!("grant {pages} pages"),
            Self::Make(Request::Import { pages, from: Memory::Udmabuf }) => format!("import {pages} pages of udmabuf"),
            Self::Make(Request::Import { pages, from: Memory::DmaHeap }) => format!("import {pages} pages of its dma-heap"),
            Self::References { handle, first } => format!("give the references of number {handle} from {first} on"),
            Self::Release { handle } => format!("release number {handle}"),
            Self::Look { handle } => format!("look at number {handle}"),
        }
    }

    /// The words of the page from [`word::COMMAND`] on.
    fn encode(self) -> [u32; 3] {
        match self {
            Self::Begin => [1, 0, 0],
            Self::Make(Request::Grant { pages, looks }) => [2, pages, looks],
            Self::Make(Request::Import { pages, from }) => [3, pages, u32::from(from == Memory::DmaHeap)],
            Self::References { handle, first } => [4, handle, first],
            Self::Release { handle } => [5, handle, 0],
            Self::Look { handle } => [6, handle, 0],
        }
    }

    /// What these words say; `None`: nothing that there is.
    pub fn decode(words: [u32; 3]) -> Option<Self> {
        match words {
            [1, ..] => Some(Self::Begin),
            [2, pages, looks] => Some(Self::Make(Request::Grant { pages, looks })),
            [3, pages, 0] => Some(Self::Make(Request::Import { pages, from: Memory::Udmabuf })),
            [3, pages, 1] => Some(Self::Make(Request::Import { pages, from: Memory::DmaHeap })),
            [4, handle, first] => Some(Self::References { handle, first }),
            [5, handle, _] => Some(Self::Release { handle }),
            [6, handle, _] => Some(Self::Look { handle }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_what_is_decoded() {
        for command in [
            Command::Begin,
            Command::Make(Request::Grant { pages: 2025, looks: 0 }),
            Command::Make(Request::Grant { pages: 2, looks: 4 }),
            Command::Make(Request::Import { pages: 256, from: Memory::Udmabuf }),
            Command::Make(Request::Import { pages: 256, from: Memory::DmaHeap }),
            Command::References { handle: 3, first: 1008 },
            Command::Release { handle: 3 },
            Command::Look { handle: 3 },
        ] {
            assert_eq!(Command::decode(command.encode()), Some(command));
        }
        for words in [[0, 0, 0], [3, 1, 2], [7, 0, 0]] {
            assert_eq!(Command::decode(words), None, "{words:?}");
        }
    }
}
