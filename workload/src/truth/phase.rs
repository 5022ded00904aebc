//! The parts of a run.

use serde::{Deserialize, Serialize};

/// Which part of a run a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Phase {
    /// Before anything is measured: finding the peer's pages, granting our own.
    Setup,
    /// First iterations, which pay for what later ones find ready.
    Warmup,
    /// The iterations that a comparison should use.
    Run,
    /// Undoing what setup did.
    Teardown,
}

impl Phase {
    /// The name used in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup",
            Self::Warmup => "warmup",
            Self::Run => "run",
            Self::Teardown => "teardown",
        }
    }

    /// The phase of this number, as it is stored.
    pub(super) fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Setup,
            1 => Self::Warmup,
            2 => Self::Run,
            _ => Self::Teardown,
        }
    }
}
