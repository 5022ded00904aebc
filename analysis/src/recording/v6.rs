//! Version 6: where the memory of DMA buffers is from, and what mapping them for a device was made of. Frames are those of version 5. The
//! version that is written.

use grantscope_wire::{Allocator, Cause, Op};
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
    Allocator(#[serde(with = "ids::allocator")] Allocator),
}

same_variants!(Detail, model::Detail {
    StartedBy(op), Caller(name), Cause(cause), Status { status, count }, Mapping { entries, bounces, bounced_bytes }, Allocator(allocator)
});
