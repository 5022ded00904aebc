//! From the bytes of a record to an `Operation`. The only place that knows both.

use grantscope_wire::record::{DOMID_KNOWN, HEADER_BYTES, MAX_STAGES, PAGES_KNOWN, STAGE_BYTES, STAGES_INCOMPLETE};
use grantscope_wire::{Buffer, Op, OpHeader, Stage, StageTime};

use crate::model::{Operation, Outcome, StageSpan};

/// Bytes that are not a record of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Fewer bytes than the record says it has.
    #[error(
        "a record of {got} bytes, where its header asks for {want}: the probes and this program were built apart; rebuild both"
    )]
    Length {
        /// What came.
        got: usize,
        /// What should have come.
        want: usize,
    },
    /// An id that this version does not know.
    #[error("unknown {what} {id}: the probes are newer than this program; rebuild both")]
    UnknownId {
        /// Of what list.
        what: &'static str,
        /// The id.
        id: u8,
    },
}

/// Decodes one record.
pub fn operation(bytes: &[u8]) -> Result<Operation, DecodeError> {
    let head = header(bytes)?;
    let stages = stages(&bytes[HEADER_BYTES..], head.stage_count as usize)?;
    Ok(Operation {
        start_ns: head.start_ns,
        duration_ns: head.duration_ns,
        op: Op::from_id(head.op).ok_or(DecodeError::UnknownId { what: "operation", id: head.op })?,
        buffer: Buffer::from_id(head.buffer),
        pages: (head.flags & PAGES_KNOWN != 0).then_some(head.pages),
        outcome: Outcome::from_return(head.ret),
        domid: (head.flags & DOMID_KNOWN != 0).then_some(head.domid),
        tgid: head.tgid,
        tid: head.tid,
        comm: comm(&head.comm),
        map_generation_ns: (head.map_generation_ns != 0).then_some(head.map_generation_ns),
        stages_incomplete: head.flags & STAGES_INCOMPLETE != 0,
        stages,
    })
}

fn header(bytes: &[u8]) -> Result<OpHeader, DecodeError> {
    if bytes.len() < HEADER_BYTES {
        return Err(DecodeError::Length { got: bytes.len(), want: HEADER_BYTES });
    }
    // SAFETY: the length was checked, OpHeader is plain old data of HEADER_BYTES bytes, and the read may be unaligned.
    let head = unsafe { bytes.as_ptr().cast::<OpHeader>().read_unaligned() };
    let count = (head.stage_count as usize).min(MAX_STAGES);
    let want = HEADER_BYTES + count * STAGE_BYTES;
    if bytes.len() < want {
        return Err(DecodeError::Length { got: bytes.len(), want });
    }
    Ok(head)
}

fn stages(bytes: &[u8], count: usize) -> Result<Vec<StageSpan>, DecodeError> {
    bytes.chunks_exact(STAGE_BYTES).take(count).map(stage).collect()
}

fn stage(bytes: &[u8]) -> Result<StageSpan, DecodeError> {
    assert_eq!(bytes.len(), STAGE_BYTES);
    // SAFETY: the length was checked, StageTime is plain old data of STAGE_BYTES bytes, and the read may be unaligned.
    let time = unsafe { bytes.as_ptr().cast::<StageTime>().read_unaligned() };
    Ok(StageSpan {
        stage: Stage::from_id(time.stage).ok_or(DecodeError::UnknownId { what: "stage", id: time.stage })?,
        self_ns: time.self_ns,
        first_offset_ns: time.first_offset_ns,
        calls: time.calls,
    })
}

fn comm(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
