//! Bytes become operations.

use std::sync::Arc;

use grantscope_wire::{Buffer, Detail as Watched, Edge, Event, Op};
use postcard::{Error, Result};

use super::bytes::Input;
use super::dictionary::{Dictionary, MOST, MOST_EVENTS, MOST_NAME_BYTES};
use super::kind::{Actor, Flags, Kind};
use crate::model::{Detail, Log, Operation, Outcome};
use crate::recording::v3;
use crate::recording::v6::detail;
use crate::stages::Plan;

/// An event's offset has as many bits.
const OFFSET_BITS: u32 = 56;
/// An operation has as many details at the most: the probes give up to 19.
const MOST_DETAILS: usize = 1_024;
/// An operation has at least about as many bytes: `cargo xtask bench collector` prints the mean. A list that is made for too few is copied when
/// it grows.
const USUAL_BYTES: usize = 12;

/// Which details operations can have.
#[derive(Clone, Copy, Debug, Default)]
pub enum Details {
    /// Those of version 3.
    #[default]
    Before6,
    /// Those of version 6.
    Since6,
}

/// What was described so far.
#[derive(Debug, Default)]
pub struct Reading {
    detail: Watched,
    details: Details,
    kinds: Dictionary<KnownKind>,
    actors: Dictionary<KnownActor>,
}

#[derive(Debug)]
struct KnownKind {
    op: Op,
    buffer: Option<Buffer>,
    pages: Option<u32>,
    outcome: Outcome,
    domid: Option<u16>,
    stages_incomplete: bool,
    flags: Flags,
    has_map_generation: bool,
    has_details: bool,
    /// Its stages.
    plan: Plan,
    /// Codes, and the gaps of the last operation before each.
    path: Vec<(u8, u64)>,
    /// The gap behind its last event.
    last_gap: u64,
}

#[derive(Debug)]
struct KnownActor {
    tgid: u32,
    tid: u32,
    comm: Arc<str>,
}

impl Reading {
    /// Of a recording in which so much was watched.
    pub fn new(detail: Option<Watched>, details: Details) -> Self {
        Self { detail: detail.unwrap_or_default(), details, ..Self::default() }
    }

    /// Which details its operations can have.
    pub fn details(&self) -> Details {
        self.details
    }

    /// The operations of a frame.
    pub fn operations(&mut self, bytes: &[u8]) -> Result<Vec<Operation>> {
        let mut input = Input(bytes);
        let mut operations = Vec::with_capacity((bytes.len() / USUAL_BYTES).min(MOST));
        let (mut events, mut before_ns) = (0, 0);
        while !input.0.is_empty() {
            let operation = self.operation(&mut input, before_ns)?;
            events += operation.log.len() + operation.details.len();
            before_ns = operation.start_ns;
            operations.push(operation);
            if events > MOST_EVENTS || operations.len() > MOST {
                return Err(Error::SerdeDeCustom);
            }
        }
        Ok(operations)
    }

    fn operation(&mut self, input: &mut Input<'_>, before_ns: u64) -> Result<Operation> {
        let detail = self.detail;
        let kind = known(input, &mut self.kinds, |input| kind(input, detail))?;
        let actor = known(input, &mut self.actors, actor)?;
        let start_ns = input.number_near(before_ns)?;
        let map_generation_ns = if kind.has_map_generation { Some(input.number_near(start_ns)?) } else { None };
        let (log, duration_ns) = kind.log(input)?;
        let details = if kind.has_details { details(input, self.details)? } else { Vec::new() };
        Ok(Operation {
            start_ns,
            duration_ns,
            op: kind.op,
            buffer: kind.buffer,
            pages: kind.pages,
            outcome: kind.outcome,
            domid: kind.domid,
            tgid: actor.tgid,
            tid: actor.tid,
            comm: actor.comm.clone(),
            map_generation_ns,
            stages_incomplete: kind.stages_incomplete,
            stages: kind.plan.stages(duration_ns, &log),
            log,
            is_sounded: kind.flags.is_sounded,
            phase: kind.flags.phase,
            details,
        })
    }
}

/// A list, of which each byte could stand for more than thirty: only so many.
fn details(input: &mut Input<'_>, of: Details) -> Result<Vec<Detail>> {
    let count = input.place()?;
    if count > MOST_DETAILS {
        return Err(Error::SerdeDeCustom);
    }
    let detail = |_| {
        Ok(match of {
            Details::Before6 => input.value::<v3::Detail>()?.into(),
            Details::Since6 => input.value::<detail::Detail>()?.into(),
        })
    };
    (0..count).map(detail).collect()
}

/// The entry that comes next: by its number, or described where there is a 0.
fn known<'a, 'd, T>(
    input: &mut Input<'a>,
    dictionary: &'d mut Dictionary<T>,
    described: impl FnOnce(&mut Input<'a>) -> Result<(T, usize)>,
) -> Result<&'d mut T> {
    let mut number = input.place()?;
    if number == 0 {
        let (entry, events) = described(input)?;
        number = dictionary.add(entry, events);
    }
    dictionary.get(number).ok_or(Error::SerdeDeCustom)
}

/// A kind, and how many events it has.
fn kind(input: &mut Input<'_>, detail: Watched) -> Result<(KnownKind, usize)> {
    let kind: Kind<'_> = input.value()?;
    if kind.path.len() > MOST_EVENTS {
        return Err(Error::SerdeDeCustom);
    }
    let known = KnownKind {
        op: kind.op,
        buffer: kind.buffer,
        pages: kind.pages,
        outcome: kind.outcome.into(),
        domid: kind.domid,
        stages_incomplete: kind.stages_incomplete,
        flags: Flags::read(kind.flags).ok_or(Error::SerdeDeCustom)?,
        has_map_generation: kind.has_map_generation,
        has_details: kind.has_details,
        plan: Plan::new(detail, kind.op, kind.attempts, kind.path.iter().copied()),
        path: kind.path.iter().map(|&code| (code, 0)).collect(),
        last_gap: 0,
    };
    Ok((known, kind.path.len()))
}

/// An actor, and how many events it has: none.
fn actor(input: &mut Input<'_>) -> Result<(KnownActor, usize)> {
    let Actor { tgid, tid, comm } = input.value()?;
    if comm.len() > MOST_NAME_BYTES {
        return Err(Error::SerdeDeCustom);
    }
    Ok((KnownActor { tgid, tid, comm: comm.into() }, 0))
}

impl KnownKind {
    /// The log of the next operation of this kind, and how long that took.
    fn log(&mut self, input: &mut Input<'_>) -> Result<(Log, u64)> {
        let mut log = Log::with_capacity(self.path.len());
        let mut offset_ns = 0_u64;
        for (code, gap) in &mut self.path {
            if Event(u64::from(*code)).edge() != Edge::Mark {
                *gap = input.number_near(*gap)?;
                offset_ns = offset_ns.wrapping_add(*gap);
                if offset_ns >> OFFSET_BITS != 0 {
                    return Err(Error::SerdeDeCustom);
                }
            }
            log.push(Event::new(*code, offset_ns));
        }
        self.last_gap = input.number_near(self.last_gap)?;
        Ok((log, offset_ns.wrapping_add(self.last_gap)))
    }
}
