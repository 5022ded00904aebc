//! What is to be captured on this machine.

use std::process::Command;

use grantscope_analysis::model::AttachMode;
use grantscope_analysis::model::Clock;
use grantscope_analysis::model::Filter;
use grantscope_wire::Detail;

/// What to record, and how.
#[derive(Debug, Default)]
pub struct Capture {
    /// Name of the run; by default host and time.
    pub run: Option<String>,
    /// The clock behind the nanoseconds.
    pub clock: Clock,
    /// Attach mode of the probes.
    pub attach: AttachMode,
    /// How much is watched.
    pub detail: Detail,
    /// What is recorded.
    pub filter: Filter,
    /// Program to run while recording; without one: until a signal comes.
    pub command: Option<Command>,
    /// Whether it goes on where the recording cannot be written any more.
    pub keeps_going: bool,
}
