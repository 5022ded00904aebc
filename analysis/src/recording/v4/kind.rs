//! What operations have in common.

use grantscope_wire::{Buffer, Op};
use serde::{Deserialize, Serialize, Serializer};

use crate::model::Phase;
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
    /// As in `Flags`.
    pub flags: u8,
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

/// The first bit of a kind's flags: the programs timed themselves.
const SOUNDED: u8 = 1;
/// Where the phase begins in them: 0 for none, else its place in this list, counted from 1. Never change one, only append.
const PHASE_SHIFT: u32 = 1;
const PHASES: [Phase; 3] = [Phase::SetUp, Phase::WarmUp, Phase::Measured];

/// What a kind's flags say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags {
    pub is_sounded: bool,
    pub phase: Option<Phase>,
}

impl Flags {
    /// As it is written. Without a phase it is the byte of a `bool`, as it was before there were phases.
    pub fn byte(self) -> u8 {
        let phase =
            self.phase.and_then(|phase| PHASES.iter().position(|&known| known == phase)).map_or(0, |place| place as u8 + 1);
        (u8::from(self.is_sounded) * SOUNDED) | (phase << PHASE_SHIFT)
    }

    /// `None`: no writer writes this.
    pub fn read(byte: u8) -> Option<Self> {
        let phase = match byte >> PHASE_SHIFT {
            0 => None,
            place => Some(*PHASES.get(usize::from(place) - 1)?),
        };
        Some(Self { is_sounded: byte & SOUNDED != 0, phase })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_again_and_without_a_phase_are_those_of_older_writers() {
        for byte in 0..8 {
            assert_eq!(Flags::read(byte).map(Flags::byte), Some(byte));
        }
        assert_eq!([8, 9, 255].map(Flags::read), [None; 3]);
        let byte = |is_sounded, phase| Flags { is_sounded, phase }.byte();
        assert_eq!([byte(false, None), byte(true, None), byte(true, Some(Phase::Measured))], [0, 1, 7]);
    }

    #[test]
    fn every_phase_can_be_written() {
        assert_eq!(PHASES, *Phase::ALL);
    }
}
