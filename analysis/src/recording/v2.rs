//! Version 2: operations have details.

use grantscope_wire::Op;
use serde::Deserialize;

use super::{ids, v1};
use crate::model;

#[derive(Deserialize)]
pub enum Frame {
    Environment(v1::Environment),
    Operations(Vec<Operation>),
    Loss(v1::LossReport),
    Tick { at_ns: u64 },
    End { at_ns: u64 },
}

#[derive(Deserialize)]
pub struct Operation {
    common: v1::Operation,
    details: Vec<Detail>,
}

#[derive(Deserialize)]
pub enum Detail {
    StartedBy(#[serde(with = "ids::op")] Op),
}

impl From<Frame> for super::Frame {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Environment(environment) => Self::Environment(environment.into()),
            Frame::Operations(operations) => Self::Operations(operations.into_iter().map(Into::into).collect()),
            Frame::Loss(report) => Self::Loss(report.into()),
            Frame::Tick { at_ns } => Self::Tick { at_ns },
            Frame::End { at_ns } => Self::End { at_ns },
        }
    }
}

impl From<Operation> for model::Operation {
    fn from(Operation { common, details }: Operation) -> Self {
        common.with(details.into_iter().map(|Detail::StartedBy(op)| model::Detail::StartedBy(op)).collect())
    }
}
