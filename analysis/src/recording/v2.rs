//! Version 2: operations have details.

use grantscope_wire::Op;
use serde::Deserialize;

use super::convert::frames_are_read;
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

frames_are_read!(Frame {});

impl From<Operation> for model::Operation {
    fn from(Operation { common, details }: Operation) -> Self {
        common.with(details.into_iter().map(|Detail::StartedBy(op)| model::Detail::StartedBy(op)).collect())
    }
}
