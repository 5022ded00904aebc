//! Version 6: of buffers that were mapped for a device, what that was made of. Frames are those of version 5. The version that is written.

use grantscope_wire::{Cause, Op};
use serde::{Deserialize, Serialize};

use super::convert::same_variants;
use super::ids;
use crate::model;

#[derive(Serialize, Deserialize)]
pub enum Detail {
    StartedBy(#[serde(with = "ids::op")] Op),
    Caller(String),
    Cause(#[serde(with = "ids::cause")] Cause),
    Status { status: i16, count: u32 },
    Mapping { entries: Option<u32>, bounces: Option<u32>, bounced_bytes: Option<u64> },
}

same_variants!(Detail, model::Detail {
    StartedBy(op), Caller(name), Cause(cause), Status { status, count }, Mapping { entries, bounces, bounced_bytes }
});
