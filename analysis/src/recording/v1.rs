//! Version 1: environment, operations and losses.

use grantscope_wire::{Buffer, HookId, LossKind, Op, Stage};
use serde::{Deserialize, Serialize};

use super::convert::{frames_are_read, same_fields, same_variants};
use super::ids;
use crate::model;

#[derive(Deserialize)]
pub enum Frame {
    Environment(Environment),
    Operations(Vec<Operation>),
    Loss(LossReport),
    Tick { at_ns: u64 },
    End { at_ns: u64 },
}

#[derive(Deserialize)]
pub struct Environment {
    run: String,
    host: String,
    kernel: String,
    xen: Option<String>,
    arch: String,
    page_size: u32,
    clock: Clock,
    tool: String,
    started_unix_ms: u64,
    hooks: Vec<HookStatus>,
}

#[derive(Serialize, Deserialize)]
pub enum Clock {
    Wall,
    Counted,
}

#[derive(Serialize, Deserialize)]
pub struct HookStatus {
    #[serde(with = "ids::hook")]
    hook: HookId,
    attached_by: Option<String>,
    symbol: Option<String>,
    problem: Option<String>,
}

#[derive(Deserialize)]
pub struct Operation {
    start_ns: u64,
    duration_ns: u64,
    #[serde(with = "ids::op")]
    op: Op,
    #[serde(with = "ids::buffer")]
    buffer: Option<Buffer>,
    pages: Option<u32>,
    outcome: Outcome,
    domid: Option<u16>,
    tgid: u32,
    tid: u32,
    comm: String,
    map_generation_ns: Option<u64>,
    stages_incomplete: bool,
    stages: Vec<StageSpan>,
}

#[derive(Serialize, Deserialize)]
pub enum Outcome {
    Ok,
    Errno(i32),
}

#[derive(Deserialize)]
pub struct StageSpan {
    #[serde(with = "ids::stage")]
    stage: Stage,
    self_ns: u64,
    first_offset_ns: u32,
    calls: u16,
}

#[derive(Serialize, Deserialize)]
pub struct LossReport {
    at_ns: u64,
    counters: Vec<LossCounter>,
}

#[derive(Serialize, Deserialize)]
pub struct LossCounter {
    #[serde(with = "ids::hook")]
    hook: HookId,
    #[serde(with = "ids::loss")]
    kind: LossKind,
    count: u64,
}

frames_are_read!(Frame {});

impl From<Operation> for model::Operation {
    fn from(operation: Operation) -> Self {
        operation.with(Vec::new())
    }
}

impl Operation {
    /// The operation with what versions after this one know of it.
    pub fn with(self, details: Vec<model::Detail>) -> model::Operation {
        model::Operation {
            start_ns: self.start_ns,
            duration_ns: self.duration_ns,
            op: self.op,
            buffer: self.buffer,
            pages: self.pages,
            outcome: self.outcome.into(),
            domid: self.domid,
            tgid: self.tgid,
            tid: self.tid,
            comm: self.comm.into(),
            map_generation_ns: self.map_generation_ns,
            stages_incomplete: self.stages_incomplete,
            stages: self.stages.into_iter().map(Into::into).collect(),
            log: model::Log::new(),
            is_sounded: false,
            phase: None,
            details,
        }
    }
}

impl From<StageSpan> for model::StageSpan {
    fn from(StageSpan { stage, self_ns, first_offset_ns, calls }: StageSpan) -> Self {
        Self { stage, self_ns, first_offset_ns, calls }
    }
}

impl From<Environment> for model::Environment {
    fn from(environment: Environment) -> Self {
        Self {
            run: environment.run,
            host: environment.host,
            kernel: environment.kernel,
            xen: environment.xen,
            arch: environment.arch,
            page_size: environment.page_size,
            clock: environment.clock.into(),
            tool: environment.tool,
            started_unix_ms: environment.started_unix_ms,
            hooks: environment.hooks.into_iter().map(Into::into).collect(),
            detail: None,
        }
    }
}

same_variants!(Clock, model::Clock { Wall, Counted });
same_fields!(HookStatus, model::HookStatus { hook, attached_by, symbol, problem });
same_variants!(Outcome, model::Outcome { Ok, Errno(errno) });
same_fields!(LossReport, model::LossReport { at_ns } lists { counters });
same_fields!(LossCounter, model::LossCounter { hook, kind, count });
