//! What operations have in common.

use grantscope_wire::{Buffer, Op};
use serde::{Deserialize, Serialize};

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
    #[serde(borrow)]
    pub path: &'a [u8],
}

/// Who makes operations.
#[derive(Serialize, Deserialize)]
pub struct Actor<'a> {
    pub tgid: u32,
    pub tid: u32,
    #[serde(borrow)]
    pub comm: &'a str,
}
