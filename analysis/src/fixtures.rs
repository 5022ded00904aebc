//! What the tests of this crate build their recordings from.

use grantscope_wire::{Buffer, Op, Stage};

use crate::model::{Operation, Outcome, StageSpan};

/// An export of 16 pages that began at 0, all of it in the remainder.
pub fn export(buffer: Buffer, duration_ns: u64) -> Operation {
    Operation {
        start_ns: 0,
        duration_ns,
        op: Op::Export,
        buffer: Some(buffer),
        pages: Some(16),
        outcome: Outcome::Ok,
        domid: None,
        tgid: 7,
        tid: 7,
        comm: "backend".to_owned(),
        map_generation_ns: None,
        details: Vec::new(),
        stages_incomplete: false,
        stages: vec![span(Stage::Remainder, duration_ns)],
    }
}

/// A stage, entered once, at the operation's start.
pub fn span(stage: Stage, self_ns: u64) -> StageSpan {
    StageSpan { stage, self_ns, first_offset_ns: 0, calls: 1 }
}
