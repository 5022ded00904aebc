//! The scenarios by name, and what they share.

pub(crate) mod capability;
mod copy;
mod deferred;
mod faults;
mod pages;
mod refusals;
mod release_orders;
mod sweep;
pub(crate) mod waiter;

use std::time::Duration;

use crate::error::Result;
use crate::peer::{Channel, Search};
use crate::plan::start_after_pause;
use crate::truth::{Buffer, Log, monotonic_ns, sleep_until};
use crate::uapi::{DomId, GrantRef};

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scenario {
    /// Everything, by kind and size.
    Sweep,
    /// Grant copies.
    Copy,
    /// Calls the kernel must refuse.
    Refusals,
    /// Unmapping what is still in use.
    Deferred,
    /// Every order of letting go.
    ReleaseOrders,
    /// Everything that can fail without harm, and why it failed.
    Faults,
    /// Xen's tables, filled until they are full.
    Exhaustion,
}

impl Scenario {
    /// All there are.
    pub const ALL: [Self; 7] =
        [Self::Sweep, Self::Copy, Self::Refusals, Self::Deferred, Self::ReleaseOrders, Self::Faults, Self::Exhaustion];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sweep => "sweep",
            Self::Copy => "copy",
            Self::Refusals => "refusals",
            Self::Deferred => "deferred",
            Self::ReleaseOrders => "release-orders",
            Self::Faults => "faults",
            Self::Exhaustion => "exhaustion",
        }
    }

    /// One line about it.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Sweep => "every operation on pages, wc and coherent buffers of several sizes, kinds interleaved",
            Self::Copy => "grant copies from and to shared pages, in batches of several sizes",
            Self::Refusals => "calls the kernel must refuse: each error is checked and counted",
            Self::Deferred => "maps that are unmapped while the kernel still uses a page: they go long after the call returned",
            Self::ReleaseOrders => {
                "every order of letting go of device, map, mapping or buffer, importer and grant: what the kernel does is checked"
            }
            Self::Faults => {
                "every failure that does no harm, memory that runs out included: errno, cause and grant statuses are checked"
            }
            Self::Exhaustion => {
                "the grant table and Xen's maptrack, filled until every call fails: for a Xen that was booted with small ones"
            }
        }
    }

    /// How many pages it maps at its worst moment out of the balloon; none: that is not known beforehand.
    pub fn maps_at_once(self, options: &Options) -> Option<u64> {
        match self {
            Self::Sweep | Self::Deferred => {
                Some(options.pages.iter().chain(&options.loopback).copied().max().unwrap_or(0).into())
            }
            // Nothing is mapped for a copy.
            Self::Copy => Some(0),
            Self::Refusals | Self::ReleaseOrders | Self::Faults | Self::Exhaustion => None,
        }
    }

    /// Runs it. Calls are noted in `log`; what had to be left out goes to `skipped`.
    pub fn run(self, log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<()> {
        match self {
            Self::Sweep => sweep::run(log, options, skipped),
            Self::Copy => copy::run(log, options),
            Self::Refusals => refusals::run(log, options, skipped),
            Self::Deferred => deferred::run(log, options),
            Self::ReleaseOrders => release_orders::run(log, options, skipped),
            Self::Faults => faults::run(log, options, skipped),
            Self::Exhaustion => faults::exhausted::run(log, options, skipped),
        }
    }
}

/// Whose pages are mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This domain's own, granted to itself.
    Own,
    /// Another domain's.
    Peer {
        /// The domain.
        peer: DomId,
        /// How its references are found.
        channel: Channel,
        /// The directory's reference, if known.
        directory: Option<GrantRef>,
        /// How long to look for it.
        timeout: Duration,
    },
}

impl Source {
    /// How to find so many pages of a peer's; `None`: they are this domain's own.
    pub fn search(&self, own: DomId, pages: u32) -> Option<Search> {
        let Self::Peer { peer, channel, directory, timeout } = *self else { return None };
        Some(Search { peer, own, channel, directory, timeout, pages })
    }
}

/// What a run was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The page counts, in order.
    pub pages: Vec<u32>,
    /// The kinds of buffers.
    pub buffers: Vec<Buffer>,
    /// Whether the kinds were asked for by name: then one that cannot be had is an error.
    pub buffers_are_explicit: bool,
    /// Whether exports and imports are left out.
    pub without_dmabuf: bool,
    /// Counted iterations per page count; by size if not given.
    pub iterations: Option<u32>,
    /// Iterations before those.
    pub warmup: u32,
    /// Milliseconds of the grid that actions start on; 0: no pause.
    pub pause_ms: u32,
    /// Page counts of the loopback.
    pub loopback: Vec<u32>,
    /// What the order is derived from.
    pub seed: u64,
    /// This domain's number.
    pub own: DomId,
    /// Whose pages are mapped.
    pub source: Source,
}

impl Options {
    /// The largest page count.
    pub fn most_pages(&self) -> u32 {
        self.pages.iter().copied().max().unwrap_or(0)
    }

    /// Counted iterations at a page count.
    pub fn iterations_at(&self, pages: u32) -> u32 {
        self.iterations.unwrap_or_else(|| crate::plan::default_iterations(pages))
    }

    /// Sleeps until the next action may start. Meanwhile the kernel clears up after the last one
    /// (`xen-balloon` takes freed pages back, RCU frees), which the next would pay for otherwise.
    pub fn pause(&self) {
        sleep_until(start_after_pause(monotonic_ns(), self.pause_ms));
    }

    /// More calls than the run will make, for the log to have room for.
    pub fn expected_calls(&self) -> usize {
        const PER_ITERATION: usize = 32;
        const SEARCHING: usize = 10_000;
        let iterations: usize = self.pages.iter().map(|&pages| (self.iterations_at(pages) + self.warmup) as usize).sum();
        // Not beyond what a small domain can spare; a longer log grows as it goes.
        (SEARCHING + iterations * PER_ITERATION).min(1 << 18)
    }
}
