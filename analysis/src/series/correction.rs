//! What was subtracted from operations' times because it was the probes' own.

use crate::own::OwnTime;

/// Which times are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
    /// Without the probes' own time, where that is known.
    #[default]
    Corrected,
    /// As they were measured, the probes' own time included.
    Raw,
}

/// Of how many of some operations the probes' own time was subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Of each.
    All,
    /// Of some.
    Partly,
    /// Of none.
    Nothing,
}

impl Extent {
    /// What their times are, in a word for files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "corrected",
            Self::Partly => "partly",
            Self::Nothing => "raw",
        }
    }
}

/// The probes' own time that was subtracted, all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subtracted {
    /// How many operations it was subtracted from.
    pub operations: u64,
    /// Nanoseconds.
    pub own_ns: u64,
    /// How far off that may be.
    pub error_ns: u64,
}

impl Subtracted {
    /// It was subtracted from one more operation.
    pub fn record(&mut self, own: OwnTime) {
        self.add(&Self { operations: 1, own_ns: own.ns, error_ns: own.error_ns });
    }

    /// And from these.
    pub fn add(&mut self, other: &Self) {
        self.operations = self.operations.saturating_add(other.operations);
        self.own_ns = self.own_ns.saturating_add(other.own_ns);
        self.error_ns = self.error_ns.saturating_add(other.error_ns);
    }

    /// Of how many, of as many as there are.
    pub fn extent(&self, count: u64) -> Extent {
        match self.operations {
            0 => Extent::Nothing,
            corrected if corrected < count => Extent::Partly,
            _ => Extent::All,
        }
    }
}
