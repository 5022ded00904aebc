//! What the truth reports of the balloon that mapped pages come out of.

use serde::Serialize;

/// The balloon at a moment, in KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BalloonReading {
    /// The domain's memory target, in KiB.
    pub target_kb: u64,
    /// The domain's memory, in KiB.
    pub current_kb: u64,
    /// Pages without memory to which grants can be mapped and are not, in KiB.
    pub in_balloon_kb: u64,
}

/// The balloon during a run. What could not be read is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BalloonReport {
    /// How many pages the run had pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_pages: Option<u64>,
    /// Before it was pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<BalloonReading>,
    /// When the run had not mapped anything yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<BalloonReading>,
    /// When it had released everything, and the balloon was still pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<BalloonReading>,
}

impl BalloonReport {
    /// Whether nothing is known.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}
