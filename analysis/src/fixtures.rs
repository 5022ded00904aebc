//! What the tests of this crate build their recordings from.

use grantscope_wire::{Buffer, Edge, Event, HookId, Op, Stage};
use smallvec::smallvec;

use crate::model::{Cost, Crossing, LiveMap, Log, MapState, Operation, Outcome, StageSpan};

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
        comm: "backend".into(),
        map_generation_ns: None,
        details: Vec::new(),
        stages_incomplete: false,
        log: Log::new(),
        is_sounded: false,
        phase: None,
        stages: smallvec![span(Stage::Remainder, duration_ns)],
    }
}

/// A stage, entered once, at the operation's start.
pub fn span(stage: Stage, self_ns: u64) -> StageSpan {
    StageSpan { stage, self_ns, first_offset_ns: 0, calls: 1 }
}

/// A second, in nanoseconds.
pub const S: u64 = 1_000_000_000;

/// A live mapping of 16 pages, allocated at 1 s.
pub fn live_map(id: u64, state: MapState) -> LiveMap {
    LiveMap {
        id,
        allocated_ns: Some(S),
        owner: Some(7),
        comm: "backend".to_owned(),
        domid: Some(1),
        buffer: Some(Buffer::Wc),
        pages: 16,
        state,
        owner_gone_ns: None,
        holders: Vec::new(),
        frames: None,
        allocator: None,
    }
}

/// The same operation, which passed these hooks at these times.
pub fn passing(operation: Operation, hooks: &[(HookId, Edge, u64)]) -> Operation {
    let log = hooks.iter().map(|&(hook, edge, at_ns)| Event::new(Event::code(hook, edge), at_ns));
    Operation { log: log.collect(), ..operation }
}

/// What crossing a hook costs in all operations.
pub fn crossing(hook: HookId, edge: Edge, cost: Cost) -> Crossing {
    Crossing { hook, edge, op: None, buffer: None, cost, sounded: cost, count: 1 }
}
