//! From the bytes of a record to an `Operation`. The only place that knows both.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use grantscope_wire::record::{
    CALIBRATION, DOMID_KNOWN, EVENT_BYTES, HEADER_BYTES, MAX_EVENTS, MAX_STATUSES, PAGES_KNOWN, PART, SOUNDED, STAGES_INCOMPLETE,
    STATUS_BYTES, STATUSES_UNREAD, Sounding, UNRETURNED,
};
use grantscope_wire::{
    Allocator, Buffer, Cause, Detail as Watched, DmaMapping, Edge, Event, GrantStatus, HookId, Op, OpHeader, TeardownInside,
};

use grantscope_analysis::model::{Detail, Log, Operation, Outcome, Stages, UNREAD};
use grantscope_analysis::stages::{self, Plans};

use crate::cost::Sounded;
use crate::swallowed::Swallowed;

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

/// Operations that are under way, of which events were sent ahead: those that the filter will leave out never end here.
const MOST_PARTS: usize = 256;

/// Makes operations of records, and counts what does not fit together in them.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What becomes of the hooks that operations pass.
    plans: Plans,
    leaves_out_stages: bool,
    sees_bounces: bool,
    sees_cma: bool,
    /// Events that were sent ahead, by the operation's start, thread and kind.
    parts: VecDeque<((u64, u32, u8), Log)>,
    /// Returns without entries, by hook.
    unmatched: Vec<(HookId, u64)>,
    swallowed: Swallowed,
    /// Programs that timed themselves, since they were last asked for.
    sounded: Vec<Sounded>,
    /// The last thread's name, as the probes write it and as text.
    last_comm: ([u8; 16], Arc<str>),
}

impl Decoder {
    /// Of probes that watch as much.
    pub fn new(detail: Watched) -> Self {
        Self { plans: Plans::new(detail), ..Self::default() }
    }

    /// How often an entry is bounced can be said: the hook that sees it is attached.
    pub fn see_bounces(&mut self) {
        self.sees_bounces = true;
    }

    /// Where a DMA buffer's memory is from can be said, likewise.
    pub fn see_cma(&mut self) {
        self.sees_cma = true;
    }

    /// From now on operations have no stages, but for teardowns: whether their returns had entries is said as before.
    pub fn leave_out_stages(&mut self) {
        self.leaves_out_stages = true;
    }

    /// Decodes one record, and hands on the operations that end with it: none, if it is a part of one that comes later; several, if grants
    /// were unmapped in the operation. `caller` names the function that an in-kernel user called from; `None`: not known.
    ///
    /// # Errors
    /// The record is too short, or has an id that this version does not know.
    pub fn operations(
        &mut self,
        bytes: &[u8],
        caller: impl FnOnce(i32) -> Option<String>,
        mut ended: impl FnMut(Operation),
    ) -> Result<(), DecodeError> {
        let head = header(bytes)?;
        if head.op == CALIBRATION {
            // Another has had the twins' functions called.
            return Ok(());
        }
        let (words, statuses) = bytes[HEADER_BYTES..].split_at(head.event_count as usize * EVENT_BYTES);
        if head.flags & UNRETURNED != 0 {
            let log = self.whole(&head, words.chunks_exact(EVENT_BYTES).map(event)).unwrap_or_default();
            self.swallowed.add(Op::from_id(head.op), &log);
            return Ok(());
        }
        let op = Op::from_id(head.op).ok_or(DecodeError::UnknownId { what: "operation", id: head.op })?;
        let Some(mut log) = self.whole(&head, words.chunks_exact(EVENT_BYTES).map(event)) else { return Ok(()) };
        let Between { teardowns, mapping } = self.take_apart(op, &head, &mut log);
        let (stages, matched) = self.stages(op, &head, &log);
        let mut details = details(&head, statuses)?;
        if head.caller != 0 {
            details.extend(caller(head.caller).map(Detail::Caller));
        }
        if self.sees_cma && head.allocator != 0 {
            let unknown = DecodeError::UnknownId { what: "allocator", id: head.allocator };
            details.push(Detail::Allocator(Allocator::from_id(head.allocator).ok_or(unknown)?));
        }
        details.extend(mapping.map(|mapping| self.mapping(mapping, &log)));
        let operation = Operation {
            start_ns: head.start_ns,
            duration_ns: head.duration_ns,
            op,
            buffer: Buffer::from_id(head.buffer),
            pages: (head.flags & PAGES_KNOWN != 0).then_some(head.pages),
            outcome: Outcome::from_return(head.ret),
            domid: (head.flags & DOMID_KNOWN != 0).then_some(head.domid),
            tgid: head.tgid,
            tid: head.tid,
            comm: self.comm(&head),
            map_generation_ns: (head.map_generation_ns != 0).then_some(head.map_generation_ns),
            stages_incomplete: head.flags & STAGES_INCOMPLETE != 0 || !matched,
            stages,
            log,
            is_sounded: head.flags & SOUNDED != 0,
            phase: None,
            details,
        };
        for inside in teardowns {
            ended(teardown(&operation, inside));
        }
        ended(operation);
        Ok(())
    }

    /// Programs that timed themselves, since this was last asked.
    pub fn take_sounded(&mut self) -> Vec<Sounded> {
        std::mem::take(&mut self.sounded)
    }

    /// Returns without entries so far, by hook.
    pub fn unmatched(&self) -> &[(HookId, u64)] {
        &self.unmatched
    }

    /// Operations that were taken for a part of another.
    pub fn swallowed(&self) -> &Swallowed {
        &self.swallowed
    }

    /// What is said of a buffer that was mapped for a device.
    fn mapping(&self, mapping: DmaMapping, log: &[Event]) -> Detail {
        let bounces = log.iter().filter(|event| event.hook() == HookId::SwiotlbBounced.id()).count();
        Detail::Mapping {
            entries: mapping.entries,
            bounces: self.sees_bounces.then_some(bounces as u32),
            bounced_bytes: self.sees_bounces.then_some(mapping.bounced_bytes),
        }
    }

    /// Leaves the events of an operation in its log, and gives back what stood between them.
    fn take_apart(&mut self, op: Op, head: &OpHeader, log: &mut Log) -> Between {
        let Between { mut teardowns, mut mapping } = Between::default();
        if op == Op::Teardown {
            return Between::default();
        }
        let words = &mut log[..];
        // Events move up into the places of what is none, so that nothing is copied elsewhere.
        let (mut next, mut kept) = (0, 0);
        // Of the last gnttab_unmap_refs: when, and which events are inside.
        let (mut entered_ns, mut returned_ns) = (0, head.duration_ns);
        let mut inside = 0..0;
        // Whether a program has written something since the last one that timed itself.
        let mut is_new = true;
        while let Some(&word) = words.get(next) {
            if let Some(facts) = TeardownInside::read(&words[next..]) {
                teardowns.push(Inside::of(&words[inside.clone()], entered_ns..returned_ns, facts));
                next += TeardownInside::WORDS;
                continue;
            }
            next += 1;
            if let Some(more) = DmaMapping::read(word) {
                mapping = Some(mapping.map_or(more, |before| together(before, more)));
                continue;
            }
            if let Some(sounding) = Sounding::read(word) {
                if is_new {
                    let before = words[..kept].last().copied();
                    self.sounded.push(Sounded { op, buffer: Buffer::from_id(head.buffer), event: before, sounding });
                }
                is_new = false;
                continue;
            }
            is_new = true;
            words[kept] = match word.edge() {
                // It has no time of its own.
                Edge::Mark => Event::new(word.code_of(), words[..kept].last().map_or(0, |before| before.offset_ns())),
                Edge::Entry | Edge::Return => word,
            };
            if word.hook() == HookId::GnttabUnmapRefs.id() {
                match word.edge() {
                    Edge::Entry => (entered_ns, inside) = (word.offset_ns(), kept + 1..kept + 1),
                    Edge::Return => (returned_ns, inside.end) = (word.offset_ns(), kept),
                    Edge::Mark => {}
                }
            }
            kept += 1;
        }
        log.truncate(kept);
        Between { teardowns, mapping }
    }

    /// All events of an operation; `None`: more will come.
    fn whole(&mut self, head: &OpHeader, events: impl Iterator<Item = Event>) -> Option<Log> {
        let is_part = head.flags & PART != 0;
        if !is_part && self.parts.is_empty() {
            return Some(events.collect());
        }
        let key = (head.start_ns, head.tid, head.op);
        let before = self.parts.iter().position(|(known, _)| *known == key).and_then(|place| self.parts.remove(place));
        let mut all = before.map_or_else(Log::new, |(_, before)| before);
        all.extend(events);
        if !is_part {
            return Some(all);
        }
        self.parts.push_back((key, all));
        if self.parts.len() > MOST_PARTS {
            self.parts.pop_front();
        }
        None
    }

    /// The thread's name: mostly the one before.
    fn comm(&mut self, head: &OpHeader) -> Arc<str> {
        if self.last_comm.0 != head.comm {
            self.last_comm = (head.comm, comm(&head.comm).into());
        }
        self.last_comm.1.clone()
    }

    /// The stages, and whether all returns had their entries.
    fn stages(&mut self, op: Op, head: &OpHeader, events: &[Event]) -> (Stages, bool) {
        let plan = self.plans.of(op, head.attempts, events);
        for hook in plan.unmatched() {
            match self.unmatched.iter_mut().find(|(known, _)| known == hook) {
                Some((_, count)) => *count += 1,
                None => self.unmatched.push((*hook, 1)),
            }
        }
        let is_left_out = self.leaves_out_stages && op != Op::Teardown;
        let stages = if is_left_out { Stages::new() } else { plan.stages(head.duration_ns, events) };
        (stages, plan.unmatched().is_empty())
    }
}

/// What stood between the events of an operation.
#[derive(Default)]
struct Between {
    teardowns: Vec<Inside>,
    mapping: Option<DmaMapping>,
}

/// Buffers that were mapped in one operation.
fn together(one: DmaMapping, other: DmaMapping) -> DmaMapping {
    DmaMapping {
        entries: one.entries.zip(other.entries).map(|(one, other)| one.saturating_add(other)),
        bounced_bytes: one.bounced_bytes.saturating_add(other.bounced_bytes),
    }
}

/// A teardown that ended in the operation that requested it.
struct Inside {
    offset_ns: u64,
    duration_ns: u64,
    /// The hooks that it passed, with times from its own start.
    log: Log,
    facts: TeardownInside,
}

impl Inside {
    /// These events, and what else is said of it. Few operations have one: in the loop over all words it is in the way.
    #[cold]
    fn of(events: &[Event], during_ns: Range<u64>, facts: TeardownInside) -> Self {
        let log = events.iter().map(|event| rebased(event, during_ns.start)).collect();
        Self { offset_ns: during_ns.start, duration_ns: during_ns.end.saturating_sub(during_ns.start), log, facts }
    }
}

/// The event, with its time from there on.
fn rebased(event: &Event, from_ns: u64) -> Event {
    Event::new(event.code_of(), event.offset_ns().saturating_sub(from_ns))
}

fn teardown(within: &Operation, inside: Inside) -> Operation {
    let map = &inside.facts.map;
    Operation {
        start_ns: within.start_ns + inside.offset_ns,
        duration_ns: inside.duration_ns,
        op: Op::Teardown,
        buffer: Buffer::from_id(map.buffer),
        pages: (map.pages != 0).then_some(map.pages),
        outcome: Outcome::from_return(inside.facts.ret),
        domid: map.domid(),
        map_generation_ns: (map.generation_ns != 0).then_some(map.generation_ns),
        comm: within.comm.clone(),
        tgid: within.tgid,
        tid: within.tid,
        stages_incomplete: false,
        stages: stages::fold_teardown(inside.duration_ns, 0, 0),
        log: inside.log,
        is_sounded: within.is_sounded,
        phase: None,
        details: vec![Detail::StartedBy(within.op)],
    }
}

pub fn event(bytes: &[u8]) -> Event {
    Event(u64::from_ne_bytes(bytes.try_into().expect("as many bytes as an event has")))
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

pub fn header(bytes: &[u8]) -> Result<OpHeader, DecodeError> {
    if bytes.len() < HEADER_BYTES {
        return Err(DecodeError::Length { got: bytes.len(), want: HEADER_BYTES });
    }
    // SAFETY: the length was checked, OpHeader is plain old data of HEADER_BYTES bytes, and the read may be unaligned.
    let head = unsafe { bytes.as_ptr().cast::<OpHeader>().read_unaligned() };
    let (events, statuses) = (head.event_count as usize, head.status_count as usize);
    let want = length(&head);
    if bytes.len() < want || events > MAX_EVENTS || statuses > MAX_STATUSES {
        return Err(DecodeError::Length { got: bytes.len(), want });
    }
    Ok(head)
}

/// The records in an entry of the ring, one behind the other. What is no record is the last.
pub fn records(entry: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = entry;
    std::iter::from_fn(move || {
        let length = header(rest).map_or(rest.len(), |head| length(&head));
        let (record, behind) = rest.split_at(length);
        rest = behind;
        (!record.is_empty()).then_some(record)
    })
}

fn length(head: &OpHeader) -> usize {
    HEADER_BYTES + head.event_count as usize * EVENT_BYTES + head.status_count as usize * STATUS_BYTES
}

/// A name that is padded with zeros.
pub fn comm(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use grantscope_analysis::model::StageSpan;
    use grantscope_wire::record::OpHeader as Head;
    use grantscope_wire::{MapInfo, OpRecord, Stage};

    use super::*;

    fn operation(bytes: &[u8]) -> Result<Operation, DecodeError> {
        decode(&mut Decoder::default(), bytes).map(|operation| operation.expect("a whole record"))
    }

    /// The last of the operations that end with a record.
    fn decode(decoder: &mut Decoder, bytes: &[u8]) -> Result<Option<Operation>, DecodeError> {
        all(decoder, bytes).map(|mut operations| operations.pop())
    }

    fn all(decoder: &mut Decoder, bytes: &[u8]) -> Result<Vec<Operation>, DecodeError> {
        let mut operations = Vec::new();
        let name = |offset| (offset > 0).then(|| format!("function_at_{offset}"));
        decoder.operations(bytes, name, |operation| operations.push(operation)).map(|()| operations)
    }

    fn entered(hook: HookId, at_ns: u64) -> Event {
        Event::new(Event::code(hook, Edge::Entry), at_ns)
    }

    fn returned(hook: HookId, at_ns: u64) -> Event {
        Event::new(Event::code(hook, Edge::Return), at_ns)
    }

    /// The bytes that a probe would write.
    fn bytes(head: Head, events: &[Event]) -> Vec<u8> {
        let statuses = [GrantStatus::default(); MAX_STATUSES];
        let mut record = OpRecord { head, events: [Event::default(); MAX_EVENTS], statuses };
        record.events[..events.len()].copy_from_slice(events);
        record.head.event_count = events.len() as u8;
        // SAFETY: OpRecord is plain old data without padding: its size is the sum of its members, as asserted in `wire`.
        let all = unsafe { std::slice::from_raw_parts((&raw const record).cast::<u8>(), size_of::<OpRecord>()) };
        all[..HEADER_BYTES + events.len() * EVENT_BYTES].to_vec()
    }

    fn export() -> Head {
        Head { op: Op::Export.id(), start_ns: 5, duration_ns: 30, comm: *b"backend\0\0\0\0\0\0\0\0\0", ..Head::default() }
    }

    #[test]
    fn a_record_becomes_an_operation_with_its_stages() {
        let events = [entered(HookId::GnttabDmaAllocPages, 1), returned(HookId::GnttabDmaAllocPages, 25)];
        let head = Head { pages: 16, domid: 1, buffer: Buffer::Wc.id(), flags: PAGES_KNOWN | DOMID_KNOWN, ret: -12, ..export() };
        let operation = operation(&bytes(head, &events)).unwrap();
        assert_eq!(
            (operation.op, operation.buffer, operation.pages, operation.domid),
            (Op::Export, Some(Buffer::Wc), Some(16), Some(1))
        );
        assert_eq!((operation.outcome.name().as_ref(), &*operation.comm), ("ENOMEM", "backend"));
        let alloc = StageSpan { stage: Stage::DmaAlloc, self_ns: 24, first_offset_ns: 1, calls: 1 };
        assert_eq!(operation.stages[1..], [alloc]);
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
        let event = entered(HookId::GnttabMapRefs, 1);
        let head = Head { ret: -22, cause: Cause::GrantsRefused.id(), status_count: 2, ..export() };
        let mut record = bytes(head, &[event]);
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
        let whole = bytes(export(), &[entered(HookId::GntdevAllocMap, 1)]);
        for length in 0..whole.len() {
            assert!(matches!(operation(&whole[..length]), Err(DecodeError::Length { .. })), "{length} bytes were taken");
        }
    }

    #[test]
    fn ids_of_a_newer_version_are_refused_by_name() {
        let unknown_op = operation(&bytes(Head { op: 200, ..export() }, &[]));
        assert_eq!(unknown_op, Err(DecodeError::UnknownId { what: "operation", id: 200 }));
    }

    #[test]
    fn events_that_were_sent_ahead_are_put_before_the_others() {
        let mut decoder = Decoder::default();
        let part = bytes(Head { flags: PART, ..export() }, &[entered(HookId::DmaBufExport, 2)]);
        let other = bytes(Head { start_ns: 6, ..export() }, &[]);
        let rest = bytes(export(), &[returned(HookId::DmaBufExport, 22)]);
        assert_eq!(decode(&mut decoder, &part), Ok(None));
        assert_eq!(decode(&mut decoder, &other).unwrap().unwrap().stages.len(), 1);
        let whole = decode(&mut decoder, &rest).unwrap().unwrap();
        assert_eq!(whole.stages[1], StageSpan { stage: Stage::DmabufExport, self_ns: 20, first_offset_ns: 2, calls: 1 });
        assert!(!whole.stages_incomplete && decoder.parts.is_empty());
    }

    #[test]
    fn operations_that_never_come_do_not_keep_their_parts_for_ever() {
        let mut decoder = Decoder::default();
        for start_ns in 0..3 * MOST_PARTS as u64 {
            assert_eq!(decode(&mut decoder, &bytes(Head { flags: PART, start_ns, ..export() }, &[])), Ok(None));
        }
        assert_eq!(decoder.parts.len(), MOST_PARTS);
    }

    #[test]
    fn an_operation_that_did_not_return_is_none_and_what_was_done_since_is_counted() {
        let mut decoder = Decoder::default();
        let swallowed = |decoder: &Decoder| decoder.swallowed().counters().map(|counter| counter.count).sum::<u64>();
        let mark = Event::new(Event::code(HookId::DmabufExpOpsAttach, Edge::Mark), 0);
        let head = Head { op: Op::WaitReleased.id(), start_ns: 5, ..Head::default() };
        assert_eq!(decode(&mut decoder, &bytes(Head { flags: PART, ..head }, &[mark])), Ok(None));
        assert_eq!(decode(&mut decoder, &bytes(Head { flags: UNRETURNED, ..head }, &[mark])), Ok(None));
        assert_eq!(swallowed(&decoder), 2);
        // A call that is no operation.
        assert_eq!(decode(&mut decoder, &bytes(Head { op: 0, flags: UNRETURNED, ..head }, &[])), Ok(None));
        assert!(swallowed(&decoder) == 2 && decoder.parts.is_empty());
    }

    #[test]
    fn a_return_without_an_entry_is_counted_and_said_of_the_operation() {
        let mut decoder = Decoder::default();
        let record = bytes(export(), &[returned(HookId::DmaBufExport, 22)]);
        assert!(decode(&mut decoder, &record).unwrap().unwrap().stages_incomplete);
        assert_eq!(decoder.unmatched(), [(HookId::DmaBufExport, 1)]);
    }

    #[test]
    fn without_stages_an_operation_is_the_same_otherwise() {
        let events = [entered(HookId::DmaBufExport, 2), returned(HookId::DmaBufExport, 22), returned(HookId::GnttabMapRefs, 23)];
        let record = bytes(export(), &events);
        let [mut with, mut without] = [Decoder::default(), Decoder::default()];
        without.leave_out_stages();
        let [whole, rest] = [&mut with, &mut without].map(|decoder| decode(decoder, &record).unwrap().unwrap());
        assert_eq!(rest, Operation { stages: Stages::new(), ..whole });
        assert_eq!((with.unmatched(), with.unmatched().len()), (without.unmatched(), 1));
        let deferred = bytes(Head { op: Op::Teardown.id(), duration_ns: 30, attempts: 2, ..Head::default() }, &[]);
        assert_eq!(decode(&mut without, &deferred), decode(&mut with, &deferred));
    }

    #[test]
    fn a_teardown_that_was_deferred_waits_until_its_last_attempt() {
        let head = Head { op: Op::Teardown.id(), duration_ns: 30, attempts: 2, ..Head::default() };
        let stages = operation(&bytes(head, &[entered(HookId::GnttabUnmapWork, 20)])).unwrap().stages;
        assert_eq!(
            stages.iter().map(|span| (span.stage, span.self_ns)).collect::<Vec<_>>(),
            [(Stage::Deferred, 20), (Stage::Unmapping, 10)]
        );
    }

    #[test]
    fn teardowns_within_an_operation_become_operations_of_their_own() {
        let map = MapInfo { generation_ns: 77, pages: 16, buffer: Buffer::Wc.id(), domid_known: 1, domid: 7 };
        let failed = TeardownInside { ret: -22, map };
        let gone = TeardownInside { ret: 0, map: MapInfo::UNKNOWN };
        let updated = |at_ns| entered(HookId::ClearForeignP2mMapping, at_ns);
        let unmapped =
            |from, to| [entered(HookId::GnttabUnmapRefs, from), updated(to - 2), returned(HookId::GnttabUnmapRefs, to)];
        let events = [&unmapped(3, 10)[..], &failed.words(), &unmapped(12, 20), &gone.words()].concat();
        let head = Head { op: Op::Close.id(), start_ns: 100, duration_ns: 25, tid: 9, ..Head::default() };
        let operations = all(&mut Decoder::default(), &bytes(head, &events)).unwrap();
        let [first, second, close] = &operations[..] else { panic!("{operations:?}") };
        assert_eq!((first.op, first.start_ns, first.duration_ns, first.tid), (Op::Teardown, 103, 7, 9));
        assert_eq!(
            (first.buffer, first.pages, first.domid, first.map_generation_ns),
            (Some(Buffer::Wc), Some(16), Some(7), Some(77))
        );
        assert_eq!((first.outcome.name().as_ref(), first.started_by()), ("EINVAL", Some(Op::Close)));
        assert_eq!([&first.log[..], &second.log], [[updated(5)], [updated(6)]]);
        assert_eq!((second.start_ns, second.buffer, second.pages, second.domid), (112, None, None, None));
        assert!(operations.iter().all(Operation::adds_up));
        assert_eq!((close.op, close.stages.len()), (Op::Close, 3));
    }

    #[test]
    fn what_was_mapped_for_a_device_is_added_up_and_bounces_nobody_sees_are_unknown() {
        let mapping = |entries, bounced_bytes| DmaMapping { entries, bounced_bytes }.word();
        let bounce = Event::new(Event::code(HookId::SwiotlbBounced, Edge::Mark), 0);
        let mapped = |decoder: &mut Decoder, second: Event| {
            let [entered, returned] = [entered(HookId::DmaMapSgtable, 3), returned(HookId::DmaMapSgtable, 9)];
            let events = [entered, bounce, bounce, returned, mapping(Some(2), 12_288), second];
            let head = Head { op: Op::AttachmentMap.id(), ..export() };
            let operation = decode(decoder, &bytes(head, &events)).unwrap().unwrap();
            assert_eq!((operation.log.len(), operation.log[1].offset_ns()), (4, 3));
            operation.details
        };
        let mut seeing = Decoder::default();
        seeing.see_bounces();
        let all = |entries| vec![Detail::Mapping { entries, bounces: Some(2), bounced_bytes: Some(12_289) }];
        assert_eq!(mapped(&mut seeing, mapping(Some(5), 1)), all(Some(7)));
        assert_eq!(mapped(&mut seeing, mapping(None, 1)), all(None));
        let blind = vec![Detail::Mapping { entries: Some(7), bounces: None, bounced_bytes: None }];
        assert_eq!(mapped(&mut Decoder::default(), mapping(Some(5), 1)), blind);
    }

    #[test]
    fn of_operations_alone_all_time_is_the_remainder() {
        let record = bytes(export(), &[entered(HookId::GnttabMapRefs, 3), returned(HookId::GnttabMapRefs, 9)]);
        let operation = decode(&mut Decoder::new(Watched::Operations), &record).unwrap().unwrap();
        assert_eq!(operation.stages[..], [StageSpan { stage: Stage::Remainder, self_ns: 30, first_offset_ns: 0, calls: 1 }]);
    }
}
