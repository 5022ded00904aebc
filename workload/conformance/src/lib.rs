//! Tests of what Linux and Xen do with grants, on the real ones: what has to be refused and with which reason, what every order of
//! release does. They are scenarios of `grantscope-workload` as the files of the generator are, but programs: no list of steps can say
//! what they check. An answer other than the kernel's source calls for ends the run. One tests a frontend instead.

mod capability;
mod failure;
mod faults;
mod mistakes;
mod options;
mod pages;
mod refusals;
mod release_orders;

use grantscope_generator::error::Result;
use grantscope_generator::truth::Log;

pub use options::Options;

/// A test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Test {
    /// Calls the kernel must refuse.
    Refusals,
    /// Every order of release.
    ReleaseOrders,
    /// Everything that can fail without harm, and why it failed.
    Faults,
    /// Xen's tables, filled until they are full.
    Exhaustion,
    /// Requests that a frontend must refuse.
    PeerMistakes,
}

impl Test {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Refusals, Self::ReleaseOrders, Self::Faults, Self::Exhaustion, Self::PeerMistakes];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refusals => "refusals",
            Self::ReleaseOrders => "release-orders",
            Self::Faults => "faults",
            Self::Exhaustion => "exhaustion",
            Self::PeerMistakes => "peer-mistakes",
        }
    }

    /// One line about it.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Refusals => "calls the kernel must refuse: each error is checked and counted",
            Self::ReleaseOrders => {
                "every order of releasing device, map, mapping or buffer, importer and grant: what the kernel does is checked"
            }
            Self::Faults => {
                "every failure that does no harm, memory that runs out included: errno, cause and grant statuses are checked"
            }
            Self::Exhaustion => {
                "the grant table and Xen's maptrack, filled until every call fails: for a Xen that was booted with small ones"
            }
            Self::PeerMistakes => {
                "requests that a peer's frontend must refuse: each answer is checked, and that it serves the next"
            }
        }
    }

    /// Whether the importer that it uses maps what it imports; `true` also where it uses none.
    ///
    /// # Errors
    /// That cannot be seen.
    pub fn importer_maps(self, log: &Log) -> Result<bool> {
        match self {
            Self::ReleaseOrders => Ok(release_orders::importer_maps(log)?),
            Self::Refusals | Self::Faults | Self::Exhaustion | Self::PeerMistakes => Ok(true),
        }
    }

    /// Runs it. Calls are noted in `log`; what had to be left out goes to `skipped`.
    ///
    /// # Errors
    /// The kernel did otherwise than its source says, a device or the peer's pages are missing, or a signal ended it.
    pub fn run(self, log: &Log, options: &Options, skipped: &mut Vec<String>) -> Result<()> {
        match self {
            Self::Refusals => refusals::run(log, options, skipped),
            Self::ReleaseOrders => release_orders::run(log, options, skipped),
            Self::Faults => faults::run(log, options, skipped),
            Self::Exhaustion => faults::exhausted::run(log, options, skipped),
            Self::PeerMistakes => mistakes::run(log, options),
        }
    }
}

/// More calls than a test makes, for the log to have room for.
pub const EXPECTED_CALLS: usize = 1 << 15;
