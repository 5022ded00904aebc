//! The balloon that pages for grants come out of: pinned, so that a run finds the same one throughout.
//!
//! A map that finds the balloon empty first inflates it, page by page (`xen_alloc_ballooned_pages` in drivers/xen/balloon.c, Linux v6.12).
//! Released pages go back to the balloon, and the kernel's thread `xen-balloon` deflates it until the domain is back at its target. With
//! the target lowered by as much as the run maps at once, the pages are there beforehand, and stay there.

mod pin;

use crate::device::Balloon;
use crate::error::Result;
use crate::truth::BalloonReport;

pub use pin::Pin;

/// How many pages a run wants to find in the balloon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This many.
    Pages(u32),
    /// As many as it maps at once, at most.
    Needed,
}

/// The word for [`Wanted::Needed`].
pub const NEEDED: &str = "needed";

impl Wanted {
    /// The number of pages, for a run that maps `needed` at most. At least one: the search for a peer's pages maps one.
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

/// Runs `body` with the balloon pinned, if it is to be; the target is restored whatever came of it.
///
/// # Errors
/// The balloon cannot be pinned; else those of `body`.
pub fn with_balloon(pin: Option<Pin>, report: &mut BalloonReport, body: impl FnOnce() -> Result<()>) -> Result<()> {
    let balloon = Balloon::of_this_domain();
    let _pinned = match pin {
        Some(pin) => {
            report.before = balloon.read().ok();
            let pinned = pin.take(&balloon)?;
            report.pinned_pages = Some(pin.pages);
            Some(pinned)
        }
        None => None,
    };
    report.start = balloon.read().ok();
    let outcome = body();
    report.end = balloon.read().ok();
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
