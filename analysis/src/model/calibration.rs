//! What the probes' own programs cost on the machine of a recording.

use grantscope_wire::{Buffer, Edge, HookId, Op};

/// What running the programs costs: what is new since the last one, which it completes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    /// When it was known.
    pub at_ns: u64,
    /// What a crossing costs, by hook and end.
    pub crossings: Vec<Crossing>,
}

/// What it costs to run the program at one end of a hook: nothing is known of hooks that are not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The hook.
    pub hook: HookId,
    /// Which end.
    pub edge: Edge,
    /// In which operations; `None`: in those of which nothing else is known.
    pub op: Option<Op>,
    /// On what kind of buffer; `None`: unknown, or any.
    pub buffer: Option<Buffer>,
    /// Ordinarily.
    pub cost: Cost,
    /// In an operation that is sounded.
    pub sounded: Cost,
    /// How often it was measured.
    pub count: u32,
}

/// A cost, and how well it is known. In picoseconds: a sum of many has to be true to nanoseconds.
///
/// Only sums of an `after` and the next `before` have been measured: one alone has no meaning, and can be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Up to the moment that the program reads the clock. Of a mark: all of it.
    pub before_ps: i32,
    /// From that moment on. Of a mark: 0.
    pub after_ps: i32,
    /// How far off the sum of both may be.
    pub error_ps: u32,
}
