//! Pinning the balloon: the target is lowered until enough pages are in it, and held there.

use std::fs;
use std::io;

use grantscope_output::say;

use crate::device::{Balloon, page_size};
use crate::error::{Error, Result};
use crate::meminfo::Memory;
use crate::stop;
use crate::truth::{BalloonReading, monotonic_ns};
use crate::undo::{Guard, Record, Value};

/// How often the balloon is read while it inflates.
const POLL_NS: u64 = 10_000_000;
/// How long it may stay unchanged before it counts as stuck. `xen-balloon` tries again after 2 s, then 4 s (`update_schedule` in
/// drivers/xen/balloon.c).
const STUCK_NS: u64 = 10_000_000_000;

/// How much is to be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// Pages that the run needs in the balloon.
    pub pages: u64,
    /// Pages of memory that it takes in addition.
    pub beside: u64,
}

/// The balloon, pinned; the target is restored when this is dropped.
#[must_use = "the target is restored when this is dropped"]
pub struct Pinned {
    _guard: Guard,
}

impl Pin {
    /// Lowers the target, and waits until the pages are in the balloon.
    pub(super) fn take(self, balloon: &Balloon) -> Result<Pinned> {
        let mut goal = Goal::default();
        let guard = Guard::new(|others| {
            let reading = balloon.read()?;
            let others_pages: u64 = others.iter().filter_map(pinned_by).sum();
            goal = Goal::of(self.pages, others_pages, reading);
            // If it is unknown there is nothing to compare with.
            if let Some(refused) = goal.refused(self, spare_pages(&Memory::now())) {
                return Err(io::Error::other(refused));
            }
            let by = i64::try_from(goal.target_kb).unwrap_or(i64::MAX) - i64::try_from(reading.target_kb).unwrap_or(i64::MAX);
            Ok(Record::Balloon { target: Value::added(&balloon.target(), by, &Record::values(others))?, pages: self.pages })
        });
        let guard = guard.map_err(|cause| {
            cause.downcast::<Error>().unwrap_or_else(|cause| Error::Balloon {
                why: format!("{} cannot be used: {cause}", balloon.path().display()),
                advice: "it takes a Xen domain whose kernel has CONFIG_XEN_BALLOON, and root; or leave the pages of the balloon out",
            })
        })?;
        if makes_pages_anew() {
            say!(
                "note: this kernel has CONFIG_XEN_UNPOPULATED_ALLOC: where it takes pages for grants from addresses without memory, and not \
                 from the balloon, pinning the balloon changes nothing"
            );
        }
        goal.wait(balloon)?;
        Ok(Pinned { _guard: guard })
    }
}

fn pinned_by(record: &Record) -> Option<u64> {
    match record {
        Record::Balloon { pages, .. } => Some(*pages),
        _ => None,
    }
}

/// The state that the balloon has to reach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Goal {
    target_kb: u64,
    in_balloon_kb: u64,
    /// Pages that the domain has to give back to Xen for it.
    given_away: u64,
    /// Pages that will be in the balloon without that, beyond those that other runs count on.
    without: u64,
}

impl Goal {
    /// `others` is how many pages other runs count on: they may have none of them mapped yet.
    fn of(pages: u64, others: u64, reading: BalloonReading) -> Self {
        let kb_per_page = page_size() as u64 / 1024;
        let in_balloon_kb = (pages + others) * kb_per_page;
        // If the kernel has not reached the target yet: pages that it still has to put into the balloon count, and pages that it
        // still has to take out stay in.
        let settled_kb = reading.current_kb.min(reading.target_kb);
        let without_kb = reading.in_balloon_kb + (reading.current_kb - settled_kb);
        let missing_kb = in_balloon_kb.saturating_sub(without_kb);
        Self {
            target_kb: settled_kb.saturating_sub(missing_kb),
            in_balloon_kb,
            given_away: missing_kb / kb_per_page,
            without: (without_kb / kb_per_page).saturating_sub(others),
        }
    }

    /// Why it cannot be reached, if that is known beforehand.
    fn refused(self, pin: Pin, spare: Option<u64>) -> Option<Error> {
        let spare = spare?.saturating_sub(pin.beside);
        (self.given_away > spare).then(|| Error::NoRoom {
            needed: format!("{} pages in the balloon, {} more than there are", pin.pages, self.given_away),
            room: format!(
                "the domain can give away {spare} (MemAvailable less CmaFree in /proc/meminfo, without an eighth that it keeps and what the \
                 run takes besides)"
            ),
            advice: format!("pin at most {} pages, or give the domain more memory", self.without + spare),
        })
    }

    fn wait(self, balloon: &Balloon) -> Result<()> {
        let mut seen = (0, monotonic_ns());
        loop {
            let reading = balloon.read().map_err(|cause| Error::Balloon {
                why: format!("{} cannot be read any more: {cause}", balloon.path().display()),
                advice: "look at the kernel's log (dmesg)",
            })?;
            if self.is_reached(reading)? {
                return Ok(());
            }
            let now = monotonic_ns();
            if reading.current_kb != seen.0 {
                seen = (reading.current_kb, now);
            }
            if now - seen.1 >= STUCK_NS {
                return Err(Error::Balloon {
                    why: format!(
                        "for {} s the domain has stayed at {} KiB on its way to {} KiB",
                        STUCK_NS / 1_000_000_000,
                        reading.current_kb,
                        self.target_kb
                    ),
                    advice: "it can spare no more: free some memory, or pin fewer pages",
                });
            }
            stop::sleep_unless(now + POLL_NS, || false)?;
        }
    }

    fn is_reached(self, reading: BalloonReading) -> Result<bool> {
        if reading.target_kb != self.target_kb {
            return Err(Error::Balloon {
                why: format!("another program has set its target to {} KiB, and not {}", reading.target_kb, self.target_kb),
                advice: "keep others from changing the domain's memory during the run (xl mem-set, autoballoon in xl.conf)",
            });
        }
        if reading.current_kb > self.target_kb {
            return Ok(false);
        }
        if reading.in_balloon_kb >= self.in_balloon_kb {
            return Ok(true);
        }
        Err(Error::Balloon {
            why: format!(
                "it has {1} KiB instead of {0} KiB: others took pages out of it meanwhile",
                self.in_balloon_kb, reading.in_balloon_kb
            ),
            advice: "run it again when no other program maps grants",
        })
    }
}

/// The domain keeps one part in this many of its available memory. With none left the kernel kills the next process that allocates, and
/// the profiler was the first.
const KEPT: u64 = 8;

/// The memory that the domain can spare, in pages.
fn spare_pages(memory: &Memory) -> Option<u64> {
    // The kernel itself cannot use CMA, so that part would not keep it alive.
    let available = memory.available?.saturating_sub(memory.cma_free.unwrap_or(0));
    Some(available - available / KEPT)
}

/// Whether the kernel may take pages from elsewhere (drivers/xen/unpopulated-alloc.c).
fn makes_pages_anew() -> bool {
    fs::read_to_string("/proc/kallsyms").is_ok_and(|symbols| symbols.contains(" xen_alloc_unpopulated_pages\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In pages.
    fn reading(target: u64, current: u64, in_balloon: u64) -> BalloonReading {
        let kb = page_size() as u64 / 1024;
        BalloonReading { target_kb: target * kb, current_kb: current * kb, in_balloon_kb: in_balloon * kb }
    }

    fn target(pages: u64, others: u64, reading: BalloonReading) -> u64 {
        Goal::of(pages, others, reading).target_kb / (page_size() as u64 / 1024)
    }

    #[test]
    fn the_target_is_lowered_by_what_is_missing_from_the_balloon() {
        assert_eq!(target(256, 0, reading(10_000, 10_000, 0)), 9_744);
        assert_eq!(target(256, 0, reading(10_000, 10_000, 100)), 9_844);
        assert_eq!(target(256, 0, reading(10_000, 10_000, 300)), 10_000, "they are there already");
        assert_eq!(target(256, 100, reading(10_000, 10_000, 300)), 9_944, "others count on some of them");
        assert_eq!(target(256, 0, reading(10_000, 9_900, 300)), 9_900, "xen-balloon must not take what is there");
        assert_eq!(target(256, 0, reading(9_900, 10_000, 0)), 9_744, "some are on their way into it");
    }

    #[test]
    fn more_than_the_domain_can_spare_is_refused_with_what_would_fit() {
        let pin = Pin { pages: 1_000, beside: 100 };
        let goal = Goal::of(pin.pages, 20, reading(10_000, 10_000, 70));
        assert_eq!(goal.given_away, 950);
        assert!(goal.refused(pin, Some(1_050)).is_none() && goal.refused(pin, None).is_none());
        insta::assert_snapshot!(goal.refused(pin, Some(1_049)).unwrap(), @"the scenario needs 1000 pages in the balloon, 950 more than there are, but the domain can give away 949 (MemAvailable less CmaFree in /proc/meminfo, without an eighth that it keeps and what the run takes besides): pin at most 999 pages, or give the domain more memory; nothing was mapped");
    }

    #[test]
    fn an_eighth_of_what_the_kernel_can_use_stays_with_the_domain() {
        let kb = page_size() as u64 / 1024;
        let spare_pages = |meminfo: &str| spare_pages(&Memory::parse(meminfo, page_size()));
        let meminfo = format!("MemTotal: 1 kB\nMemAvailable: {} kB\nCmaFree: {} kB\n", 1000 * kb, 200 * kb);
        assert_eq!(spare_pages(&meminfo), Some(700));
        assert_eq!(spare_pages(&format!("MemAvailable: {} kB\n", 1000 * kb)), Some(875));
        assert_eq!(spare_pages("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn it_is_reached_when_the_pages_are_there_and_what_stands_in_the_way_is_named() {
        let goal = Goal::of(256, 0, reading(10_000, 10_000, 0));
        assert!(!goal.is_reached(reading(9_744, 10_000, 0)).unwrap());
        assert!(goal.is_reached(reading(9_744, 9_744, 256)).unwrap());
        let error = |reading| goal.is_reached(reading).unwrap_err().to_string();
        assert!(error(reading(10_000, 9_744, 256)).contains("another program has set its target"));
        assert!(error(reading(9_744, 9_744, 255)).contains("others took pages out of it"));
    }

    #[test]
    fn a_domain_without_a_balloon_is_an_error_that_says_so() {
        let error = Pin { pages: 1, beside: 0 }.take(&Balloon::at(std::path::Path::new("/nowhere/at/all"))).err().unwrap();
        insta::assert_snapshot!(error, @"the balloon cannot be pinned: /nowhere/at/all cannot be used: No such file or directory (os error 2); it takes a Xen domain whose kernel has CONFIG_XEN_BALLOON, and root; or leave the pages of the balloon out");
    }
}
