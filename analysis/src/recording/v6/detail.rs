//! What version 6 says of some operations beyond what it says of all: version 3's details, and two more.

use grantscope_wire::{Allocator, Cause, Op};
use serde::{Deserialize, Serialize};

use crate::model;
use crate::recording::convert::same_variants;
use crate::recording::ids;

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
