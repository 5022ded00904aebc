//! How a backend has a frontend grant pages, import buffers and take them back while it runs: by a page that both see, and an event
//! channel by which they wake each other, as drivers do over their rings.
//!
//! One request is under way at a time. The page holds words of 32 bits in the machine's byte order; only the first 4 KiB are used,
//! whatever the page size. A side writes what it says before the number that makes it valid:
//!
//! | word | written by | holds |
//! | --- | --- | --- |
//! | 0 | frontend | [`MAGIC`]; stored last, when it takes requests |
//! | 1 | frontend | [`VERSION`] |
//! | 2 | backend | the request's number, another one than before |
//! | 3 | backend | what is asked for: 1 begin, 2 grant, 3 import, 4 references, 5 let go, 6 look |
//! | 4 | backend | of grant and import: how many pages; of the others: of which handle |
//! | 5 | backend | of grant: how many looks at its first byte; of import: 0 from udmabuf, 1 from the dma-heap; of references: which one comes first |
//! | 8 | frontend | the number of the request that is answered |
//! | 9 | frontend | 0, or the errno |
//! | 10 | frontend | the handle of what was made |
//! | 11 | frontend | how many references it has |
//! | 12 | frontend | how many of them follow here, the first ones or those that were asked for |
//! | 13 | frontend | of look: the byte |
//! | 16 … | frontend | the references |
//!
//! *Begin* lets go of everything that a backend asked for and did not give back: one that was killed.
//! Page *i* of what was made is filled with the number *i*, as the pages are that the frontend grants from the start; but a grant
//! that is to be looked at begins with [`MARK`], of which a kernel that unmaps it can be told to clear a byte. Looking is possible
//! after the grant was let go of too.

mod client;
mod service;

pub use client::{Asked, AskedFor, Asking, Client};
pub use service::Service;

use crate::uapi::evtchn::Port;
use crate::uapi::{GRANTED_BYTES, GrantRef};

/// "GSRQ": says that a frontend takes requests here.
pub const MAGIC: u32 = u32::from_le_bytes(*b"GSRQ");
/// Of the layout.
pub const VERSION: u32 = 1;

/// The words of the page, by their places.
mod word {
    pub const MAGIC: usize = 0;
    pub const VERSION: usize = 1;
    pub const REQUEST: usize = 2;
    pub const ASK: usize = 3;
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

/// Where a frontend takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The page.
    pub reference: GrantRef,
    /// The frontend's end of the event channel.
    pub port: Port,
}

/// What a page that is to be looked at begins with.
pub const MARK: u32 = 0x0101_0101;

/// What a frontend made when it was asked, as both sides call it.
pub type Handle = u32;

/// What dma-bufs of a frontend are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Of udmabuf.
    Udmabuf,
    /// Of the system's dma-heap.
    DmaHeap,
}

/// What a frontend can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Fresh pages, granted.
    Grant {
        /// How many.
        pages: u32,
        /// How often its first byte is to be looked at.
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

impl Wish {
    /// How many references it has to get.
    pub fn pages(self) -> u32 {
        match self {
            Self::Grant { pages, .. } | Self::Import { pages, .. } => pages,
        }
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// To forget what was asked for before.
    Begin,
    /// To make something.
    Make(Wish),
    /// To tell more references of something.
    References {
        /// Of what.
        handle: Handle,
        /// The first one.
        first: u32,
    },
    /// To take something back.
    LetGo {
        /// What.
        handle: Handle,
    },
    /// To look at the first byte of a grant.
    Look {
        /// Of which.
        handle: Handle,
    },
}

impl Ask {
    /// As it is called in a sentence.
    fn describe(self) -> String {
        match self {
            Self::Begin => "take requests".to_owned(),
            Self::Make(Wish::Grant { pages, .. }) => format!("grant {pages} pages"),
            Self::Make(Wish::Import { pages, from: Memory::Udmabuf }) => format!("import {pages} pages of udmabuf"),
            Self::Make(Wish::Import { pages, from: Memory::DmaHeap }) => format!("import {pages} pages of its dma-heap"),
            Self::References { handle, first } => format!("tell the references of number {handle} from {first} on"),
            Self::LetGo { handle } => format!("let go of number {handle}"),
            Self::Look { handle } => format!("look at number {handle}"),
        }
    }

    /// The words of the page from [`word::ASK`] on.
    fn encode(self) -> [u32; 3] {
        match self {
            Self::Begin => [1, 0, 0],
            Self::Make(Wish::Grant { pages, looks }) => [2, pages, looks],
            Self::Make(Wish::Import { pages, from }) => [3, pages, u32::from(from == Memory::DmaHeap)],
            Self::References { handle, first } => [4, handle, first],
            Self::LetGo { handle } => [5, handle, 0],
            Self::Look { handle } => [6, handle, 0],
        }
    }

    fn decode(words: [u32; 3]) -> Option<Self> {
        match words {
            [1, ..] => Some(Self::Begin),
            [2, pages, looks] => Some(Self::Make(Wish::Grant { pages, looks })),
            [3, pages, 0] => Some(Self::Make(Wish::Import { pages, from: Memory::Udmabuf })),
            [3, pages, 1] => Some(Self::Make(Wish::Import { pages, from: Memory::DmaHeap })),
            [4, handle, first] => Some(Self::References { handle, first }),
            [5, handle, _] => Some(Self::LetGo { handle }),
            [6, handle, _] => Some(Self::Look { handle }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_what_is_understood() {
        for ask in [
            Ask::Begin,
            Ask::Make(Wish::Grant { pages: 2025, looks: 0 }),
            Ask::Make(Wish::Grant { pages: 2, looks: 4 }),
            Ask::Make(Wish::Import { pages: 256, from: Memory::Udmabuf }),
            Ask::Make(Wish::Import { pages: 256, from: Memory::DmaHeap }),
            Ask::References { handle: 3, first: 1008 },
            Ask::LetGo { handle: 3 },
            Ask::Look { handle: 3 },
        ] {
            assert_eq!(Ask::decode(ask.encode()), Some(ask));
        }
        for words in [[0, 0, 0], [3, 1, 2], [7, 0, 0]] {
            assert_eq!(Ask::decode(words), None, "{words:?}");
        }
    }
}
