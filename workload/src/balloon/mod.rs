//! The balloon that pages for grants come out of: what it was during a run, and pinned so that a run finds the same one throughout.
//!
//! Where a map finds the balloon empty, it first blows it up, page by page (`xen_alloc_ballooned_pages` in drivers/xen/balloon.c, Linux
//! v6.12). What it lets go of goes to the balloon, and the kernel's thread `xen-balloon` takes from there whatever brings the domain back
//! to its target. With the target lowered by as much as the run maps at once, the pages are there beforehand, and nobody takes them.

mod pin;
mod reading;

use serde::Serialize;

use crate::error::Result;

pub use pin::Pin;
pub use reading::{Node, Reading};

/// How many pages a run wants to find in the balloon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// So many.
    Pages(u32),
    /// As many as it maps at its worst moment.
    Needed,
}

/// The word for [`Wanted::Needed`].
pub const NEEDED: &str = "needed";

impl Wanted {
    /// The number, where the run maps so many at its worst moment. One at least: looking for a peer's pages maps one.
    pub fn pages(self, needed: u64) -> u64 {
        match self {
            Self::Pages(pages) => pages.into(),
            Self::Needed => needed.max(1),
        }
    }
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.parse() {
            Ok(0) | Err(_) if text != NEEDED => Err(format!("write a number of pages from 1 on, or {NEEDED}")),
            Ok(pages) => Ok(Self::Pages(pages)),
            Err(_) => Ok(Self::Needed),
        }
    }
}

/// What the truth says of it. What could not be read is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// How many pages the run had pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_pages: Option<u64>,
    /// Before it was pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Reading>,
    /// When the run had not mapped anything yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Reading>,
    /// When it had let go of everything, and the balloon was still pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Reading>,
}

impl Told {
    /// Whether anything is known.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Runs `body` with the balloon pinned, if it is to be; the target is put back whatever came of it.
pub fn with_balloon(pin: Option<Pin>, told: &mut Told, body: impl FnOnce() -> Result<()>) -> Result<()> {
    let node = Node::of_this_domain();
    let _pinned = match pin {
        Some(pin) => {
            told.before = node.read().ok();
            let pinned = pin.take(&node)?;
            told.pinned_pages = Some(pin.pages);
            Some(pinned)
        }
        None => None,
    };
    told.start = node.read().ok();
    let outcome = body();
    told.end = node.read().ok();
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_needed() {
        assert_eq!("256".parse(), Ok(Wanted::Pages(256)));
        assert_eq!("needed".parse(), Ok(Wanted::Needed));
        for wrong in ["0", "", "all", "-1"] {
            assert!(wrong.parse::<Wanted>().is_err(), "{wrong}");
        }
        assert_eq!((Wanted::Needed.pages(0), Wanted::Needed.pages(7), Wanted::Pages(3).pages(7)), (1, 7, 3));
    }
}
