//! Frames as version 1 wrote them: its operations had no details.

use serde::Deserialize;

use crate::model::{self, Environment, LossReport, Outcome, StageSpan, ids};
use grantscope_wire::{Buffer, Op};

#[derive(Deserialize)]
pub enum Frame {
    Environment(Environment),
    Operations(Vec<Operation>),
    Loss(LossReport),
    Tick { at_ns: u64 },
    End { at_ns: u64 },
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

impl From<Frame> for super::Frame {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Environment(environment) => Self::Environment(environment),
            Frame::Operations(operations) => Self::Operations(operations.into_iter().map(Into::into).collect()),
            Frame::Loss(report) => Self::Loss(report),
            Frame::Tick { at_ns } => Self::Tick { at_ns },
            Frame::End { at_ns } => Self::End { at_ns },
        }
    }
}

impl From<Operation> for model::Operation {
    fn from(old: Operation) -> Self {
        Self {
            start_ns: old.start_ns,
            duration_ns: old.duration_ns,
            op: old.op,
            buffer: old.buffer,
            pages: old.pages,
            outcome: old.outcome,
            domid: old.domid,
            tgid: old.tgid,
            tid: old.tid,
            comm: old.comm,
            map_generation_ns: old.map_generation_ns,
            stages_incomplete: old.stages_incomplete,
            stages: old.stages,
            details: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::recording::Reader;
    use crate::series::aggregate::Aggregate;

    /// A recording that version 1 of the format was made with, in the lab.
    const RECORDING: &[u8] = include_bytes!("../../../docs/recordings/sweep.gsr");

    #[test]
    fn a_recording_of_version_1_is_read_whole() {
        assert_eq!(
            RECORDING[6..8],
            [1, 0],
            "docs/recordings/sweep.gsr is of a newer version: keep one of version 1 for this test"
        );
        let mut reader = Reader::open(RECORDING).expect("a recording");
        let mut aggregate = Aggregate::default();
        while let Some(frame) = reader.next_frame().expect("nothing of it is damaged") {
            aggregate.add(&frame);
        }
        assert!(aggregate.ended());
        assert_eq!(aggregate.operations(), 2_423);
    }
}
