//! From the bytes of a record to an `Operation`. The only place that knows both.

use grantscope_wire::record::{
    DOMID_KNOWN, HEADER_BYTES, MAX_STAGES, MAX_STATUSES, PAGES_KNOWN, STAGE_BYTES, STAGES_INCOMPLETE, STATUS_BYTES,
    STATUSES_UNREAD,
};
use grantscope_wire::{Buffer, Cause, GrantStatus, Op, OpHeader, Stage, StageTime};

use grantscope_analysis::model::{Detail, Operation, Outcome, StageSpan, UNREAD};

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

/// Decodes one record. `caller` names the function that an in-kernel user called from; `None`: not known.
///
/// # Errors
/// The record is too short, or has an id that this version does not know.
pub fn operation(bytes: &[u8], caller: impl FnOnce(i32) -> Option<String>) -> Result<Operation, DecodeError> {
    let head = header(bytes)?;
    let caller = Some(head.caller).filter(|&offset| offset != 0).and_then(caller).map(Detail::Caller);
    let (stages, statuses) = bytes[HEADER_BYTES..].split_at(head.stage_count as usize * STAGE_BYTES);
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
        stages: stages.chunks_exact(STAGE_BYTES).map(stage).collect::<Result<_, _>>()?,
        details: details(&head, statuses)?.into_iter().chain(caller).collect(),
    })
}

fn details(head: &OpHeader, statuses: &[u8]) -> Result<Vec<Detail>, DecodeError> {
    let mut details = Vec::new();
    if head.started_by != 0 {
        let op = Op::from_id(head.started_by).ok_or(DecodeError::UnknownId { what: "operation", id: head.started_by })?;
        details.push(Detail::StartedBy(op));
    }
    if head.cause != 0 {
        let cause = Cause::from_id(head.cause).ok_or(DecodeError::UnknownId { what: "cause", id: head.cause })?;
        details.push(Detail::Cause(cause));
    }
    let statuses = statuses.chunks_exact(STATUS_BYTES).take(head.status_count as usize).map(status);
    // The probes write all statuses, also those that no reference got.
    details.extend(statuses.filter(|detail| !matches!(detail, Detail::Status { count: 0, .. })));
    if head.flags & STATUSES_UNREAD != 0 {
        details.push(Detail::Status { status: UNREAD, count: head.pages });
    }
    Ok(details)
}

fn status(bytes: &[u8]) -> Detail {
    assert_eq!(bytes.len(), STATUS_BYTES);
    // SAFETY: the length was checked, GrantStatus is plain old data of STATUS_BYTES bytes, and the read may be unaligned.
    let GrantStatus { status, count, .. } = unsafe { bytes.as_ptr().cast::<GrantStatus>().read_unaligned() };
    Detail::Status { status, count }
}

fn header(bytes: &[u8]) -> Result<OpHeader, DecodeError> {
    if bytes.len() < HEADER_BYTES {
        return Err(DecodeError::Length { got: bytes.len(), want: HEADER_BYTES });
    }
    // SAFETY: the length was checked, OpHeader is plain old data of HEADER_BYTES bytes, and the read may be unaligned.
    let head = unsafe { bytes.as_ptr().cast::<OpHeader>().read_unaligned() };
    let (stages, statuses) = (head.stage_count as usize, head.status_count as usize);
    let want = HEADER_BYTES + stages * STAGE_BYTES + statuses * STATUS_BYTES;
    if bytes.len() < want || stages > MAX_STAGES || statuses > MAX_STATUSES {
        return Err(DecodeError::Length { got: bytes.len(), want });
    }
    Ok(head)
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

/// A name that is padded with zeros.
pub fn comm(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use grantscope_wire::OpRecord;
    use grantscope_wire::record::OpHeader as Head;

    use super::*;

    fn operation(bytes: &[u8]) -> Result<Operation, DecodeError> {
        super::operation(bytes, |offset| (offset > 0).then(|| format!("function_at_{offset}")))
    }

    /// The bytes that a probe would write.
    fn bytes(head: Head, stages: &[StageTime]) -> Vec<u8> {
        let statuses = [GrantStatus::default(); MAX_STATUSES];
        let mut record = OpRecord { head, stages: [StageTime::default(); MAX_STAGES], statuses };
        record.stages[..stages.len()].copy_from_slice(stages);
        record.head.stage_count = stages.len() as u8;
        // SAFETY: OpRecord is plain old data without padding: its size is the sum of its members, as asserted in `wire`.
        let all = unsafe { std::slice::from_raw_parts((&raw const record).cast::<u8>(), size_of::<OpRecord>()) };
        all[..HEADER_BYTES + stages.len() * STAGE_BYTES].to_vec()
    }

    fn export() -> Head {
        Head { op: Op::Export.id(), start_ns: 5, duration_ns: 30, comm: *b"backend\0\0\0\0\0\0\0\0\0", ..Head::default() }
    }

    #[test]
    fn a_record_becomes_an_operation_with_its_stages() {
        let stage = StageTime { self_ns: 30, first_offset_ns: 1, calls: 2, stage: Stage::DmaAlloc.id(), reserved: 0 };
        let head = Head { pages: 16, domid: 1, buffer: Buffer::Wc.id(), flags: PAGES_KNOWN | DOMID_KNOWN, ret: -12, ..export() };
        let operation = operation(&bytes(head, &[stage])).unwrap();
        assert_eq!(
            (operation.op, operation.buffer, operation.pages, operation.domid),
            (Op::Export, Some(Buffer::Wc), Some(16), Some(1))
        );
        assert_eq!((operation.outcome.name().as_ref(), operation.comm.as_str()), ("ENOMEM", "backend"));
        assert_eq!(operation.stages, [StageSpan { stage: Stage::DmaAlloc, self_ns: 30, first_offset_ns: 1, calls: 2 }]);
        assert!(operation.adds_up());
    }

    #[test]
    fn what_the_probes_did_not_learn_is_unknown_and_not_zero() {
        let operation = operation(&bytes(export(), &[])).unwrap();
        assert_eq!((operation.buffer, operation.pages, operation.domid, operation.map_generation_ns), (None, None, None, None));
    }

    #[test]
    fn a_teardown_knows_which_operation_asked_for_it() {
        let head = Head { op: Op::Teardown.id(), started_by: Op::Close.id(), ..export() };
        assert_eq!(operation(&bytes(head, &[])).unwrap().started_by(), Some(Op::Close));
        assert_eq!(operation(&bytes(export(), &[])).unwrap().started_by(), None);
    }

    #[test]
    fn an_in_kernel_user_is_named_where_it_is_known() {
        let caller = |caller| operation(&bytes(Head { op: Op::MapRefs.id(), caller, ..export() }, &[])).unwrap();
        assert_eq!(caller(64).caller(), Some("function_at_64"));
        assert_eq!([caller(0).caller(), caller(-5).caller()], [None, None]);
    }

    #[test]
    fn a_cause_and_the_statuses_that_references_got_become_details() {
        let stage = StageTime { stage: Stage::MapHypercall.id(), ..StageTime::default() };
        let head = Head { ret: -22, cause: Cause::GrantsRefused.id(), status_count: 2, ..export() };
        let mut record = bytes(head, &[stage]);
        for (count, status) in [(0_u32, -2_i16), (3, -3)] {
            record.extend(count.to_ne_bytes());
            record.extend(status.to_ne_bytes());
            record.extend([0; 2]);
        }
        let operation = operation(&record).unwrap();
        assert_eq!(operation.cause(), Some(Cause::GrantsRefused));
        assert_eq!(operation.statuses().collect::<Vec<_>>(), [(-3, 3)]);
    }

    #[test]
    fn statuses_that_could_not_be_read_are_unread_and_not_none() {
        let copy = |flags| operation(&bytes(Head { op: Op::BatchCopy.id(), pages: 64, flags, ..export() }, &[])).unwrap();
        assert_eq!(copy(PAGES_KNOWN | STATUSES_UNREAD).statuses().collect::<Vec<_>>(), [(UNREAD, 64)]);
        assert_eq!(copy(PAGES_KNOWN).statuses().count(), 0);
    }

    #[test]
    fn a_record_that_is_too_short_is_refused() {
        let stage = StageTime { stage: Stage::Wait.id(), ..StageTime::default() };
        let whole = bytes(export(), &[stage]);
        for length in 0..whole.len() {
            assert!(matches!(operation(&whole[..length]), Err(DecodeError::Length { .. })), "{length} bytes were taken");
        }
    }

    #[test]
    fn ids_of_a_newer_version_are_refused_by_name() {
        let unknown_op = operation(&bytes(Head { op: 200, ..export() }, &[]));
        assert_eq!(unknown_op, Err(DecodeError::UnknownId { what: "operation", id: 200 }));
        let unknown_stage = operation(&bytes(export(), &[StageTime { stage: 200, ..StageTime::default() }]));
        assert_eq!(unknown_stage, Err(DecodeError::UnknownId { what: "stage", id: 200 }));
    }
}
