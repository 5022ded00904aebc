//! What operations have in common.

use grantscope_wire::{Buffer, Op};
use serde::{Deserialize, Serialize, Serializer};

use crate::recording::{ids, v1};

/// What many operations have in common. A recording describes it once.
#[derive(Serialize, Deserialize)]
pub struct Kind<'a> {
    #[serde(with = "ids::op")]
    pub op: Op,
    #[serde(with = "ids::buffer")]
    pub buffer: Option<Buffer>,
    pub pages: Option<u32>,
    pub outcome: v1::Outcome,
    pub domid: Option<u16>,
    pub stages_incomplete: bool,
    pub is_sounded: bool,
    pub has_map_generation: bool,
    pub has_details: bool,
    /// Of a teardown: attempts after the first.
    pub attempts: u16,
    /// The codes of its log's events.
    #[serde(borrow, serialize_with = "as_bytes")]
    pub path: &'a [u8],
}

/// Bytes in one piece: what is written is the same as of one after the other.
pub fn as_bytes<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

/// Who makes operations.
#[derive(Serialize, Deserialize)]
pub struct Actor<'a> {
    pub tgid: u32,
    pub tid: u32,
    #[serde(borrow)]
    pub comm: &'a str,
}
