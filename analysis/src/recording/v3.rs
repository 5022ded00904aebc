//! Version 3: causes, statuses and callers; live mappings; what a filter left out.

use grantscope_wire::{Allocator, Buffer, Cause, Op};
use serde::{Deserialize, Serialize};

use super::convert::{frames_are_read, same_fields, same_variants};
use super::{ids, v1};
use crate::model;

#[derive(Deserialize)]
pub enum Frame {
    Environment(v1::Environment),
    Operations(Vec<Operation>),
    Loss(v1::LossReport),
    Tick { at_ns: u64 },
    End { at_ns: u64 },
    Maps(MapsReport),
    Filtered(FilterReport),
}

#[derive(Deserialize)]
pub struct Operation {
    common: v1::Operation,
    details: Vec<Detail>,
}

#[derive(Deserialize)]
pub enum Detail {
    StartedBy(#[serde(with = "ids::op")] Op),
    Caller(String),
    Cause(#[serde(with = "ids::cause")] Cause),
    Status { status: i16, count: u32 },
}

#[derive(Serialize, Deserialize)]
pub struct MapsReport {
    at_ns: u64,
    changed: Vec<LiveMap>,
    gone: Vec<u64>,
    no_census: Option<String>,
}

#[derive(Serialize, Deserialize)]
pub struct LiveMap {
    id: u64,
    allocated_ns: Option<u64>,
    owner: Option<u32>,
    comm: String,
    domid: Option<u16>,
    #[serde(with = "ids::buffer")]
    buffer: Option<Buffer>,
    pages: u32,
    state: MapState,
    owner_gone_ns: Option<u64>,
    holders: Vec<Holder>,
}

#[derive(Serialize, Deserialize)]
pub enum MapState {
    Allocated,
    Mapped,
    Exported,
    Unmapped,
    TearingDown { since_ns: u64, by: u8 },
}

#[derive(Serialize, Deserialize)]
pub struct Holder {
    tgid: u32,
    comm: String,
    by: HeldBy,
}

#[derive(Serialize, Deserialize)]
pub enum HeldBy {
    Descriptor,
    Memory,
    DmaBuf,
}

#[derive(Serialize, Deserialize)]
pub struct FilterReport {
    at_ns: u64,
    filter: Filter,
    left_out: u64,
}

#[derive(Serialize, Deserialize)]
pub struct Filter {
    pid: Option<u32>,
    comm: Option<String>,
    domid: Option<u16>,
    #[serde(with = "ids::buffers")]
    buffers: Vec<Buffer>,
    min_duration_ns: u64,
    errors_only: bool,
}

frames_are_read!(Frame { Maps, Filtered });

impl From<Detail> for model::Detail {
    fn from(detail: Detail) -> Self {
        match detail {
            Detail::StartedBy(op) => Self::StartedBy(op),
            Detail::Caller(name) => Self::Caller(name),
            Detail::Cause(cause) => Self::Cause(cause),
            Detail::Status { status, count } => Self::Status { status, count },
        }
    }
}

impl From<Operation> for model::Operation {
    fn from(Operation { common, details }: Operation) -> Self {
        common.with(details.into_iter().map(Into::into).collect())
    }
}

impl From<MapsReport> for model::MapsReport {
    fn from(MapsReport { at_ns, changed, gone, no_census }: MapsReport) -> Self {
        Self { at_ns, changed: changed.into_iter().map(Into::into).collect(), gone, no_census, direct_mapped: None }
    }
}

impl LiveMap {
    /// With what later versions say of it.
    pub fn with(self, frames: Option<model::Frames>, allocator: Option<Allocator>) -> model::LiveMap {
        let Self { id, allocated_ns, owner, comm, domid, buffer, pages, state, owner_gone_ns, holders } = self;
        let (state, holders) = (state.into(), holders.into_iter().map(Into::into).collect());
        model::LiveMap { id, allocated_ns, owner, comm, domid, buffer, pages, state, owner_gone_ns, holders, frames, allocator }
    }
}

impl From<LiveMap> for model::LiveMap {
    fn from(map: LiveMap) -> Self {
        map.with(None, None)
    }
}

/// Without what only later versions say.
impl From<model::LiveMap> for LiveMap {
    fn from(map: model::LiveMap) -> Self {
        let model::LiveMap { id, allocated_ns, owner, comm, domid, buffer, pages, state, owner_gone_ns, holders, .. } = map;
        let (state, holders) = (state.into(), holders.into_iter().map(Into::into).collect());
        Self { id, allocated_ns, owner, comm, domid, buffer, pages, state, owner_gone_ns, holders }
    }
}

same_variants!(MapState, model::MapState { Allocated, Mapped, Exported, Unmapped, TearingDown { since_ns, by } });
same_fields!(Holder, model::Holder { tgid, comm, by });
same_variants!(HeldBy, model::HeldBy { Descriptor, Memory, DmaBuf });
same_fields!(FilterReport, model::FilterReport { at_ns, filter, left_out });
same_fields!(Filter, model::Filter { pid, comm, domid, buffers, min_duration_ns, errors_only });
