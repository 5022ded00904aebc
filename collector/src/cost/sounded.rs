//! What a program says that timed itself.

use grantscope_wire::record::Sounding;
use grantscope_wire::{Buffer, Event, Op};

/// A program of an operation timed itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sounded {
    pub op: Op,
    pub buffer: Option<Buffer>,
    /// The event that it wrote; `None`: it began the operation.
    pub event: Option<Event>,
    pub sounding: Sounding,
}
