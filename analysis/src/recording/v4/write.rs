//! Operations become bytes.

use std::mem;
use std::sync::Arc;

use grantscope_wire::{Buffer, Edge, Event, Op, Stage};
use postcard::Result;
use serde::Serialize;

use super::bytes::{put_number, put_number_near};
use super::dictionary::{MOST, MOST_EVENTS, MOST_NAME_BYTES, Numbers};
use super::kind::{Actor, Flags, Kind};
use crate::model::{Operation, Outcome};
use crate::recording::v6::detail;

/// A frame of operations ends after as many bytes: far below what a reader takes for damage.
const ENOUGH_BYTES: usize = 1 << 20;

/// What was described so far.
#[derive(Debug, Default)]
pub struct Writing {
    /// With each kind the gaps of its last operation.
    kinds: Numbers<Vec<u64>>,
    actors: Numbers<()>,
    /// The last operation's actor and its number.
    last_actor: Option<(OwnedActor, usize)>,
    /// What an operation is looked up by.
    key: Vec<u8>,
}

/// As `Actor`.
#[derive(Debug)]
struct OwnedActor {
    tgid: u32,
    tid: u32,
    comm: Arc<str>,
}

impl Writing {
    /// Takes as many operations as a frame has room for, and at least one: what is left of them is for the next.
    pub fn operations(&mut self, operations: &mut &[Operation]) -> Result<Vec<u8>> {
        let (mut bytes, mut events, mut before_ns) = (Vec::new(), 0, 0);
        for count in 0..MOST {
            let Some((operation, rest)) = operations.split_first() else { break };
            events += log(operation).len();
            if count > 0 && (events > MOST_EVENTS || bytes.len() > ENOUGH_BYTES) {
                break;
            }
            self.operation(operation, before_ns, &mut bytes)?;
            before_ns = operation.start_ns;
            *operations = rest;
        }
        Ok(bytes)
    }

    fn operation(&mut self, operation: &Operation, before_ns: u64, bytes: &mut Vec<u8>) -> Result<()> {
        let kind = self.kind(operation, bytes)?;
        self.actor(operation, bytes)?;
        put_number_near(bytes, operation.start_ns, before_ns);
        if let Some(map_generation_ns) = operation.map_generation_ns {
            put_number_near(bytes, map_generation_ns, operation.start_ns);
        }
        let gaps = self.kinds.get(kind).expect("it was looked up or added");
        put_gaps(bytes, operation, gaps);
        if !operation.details.is_empty() {
            let details: Vec<detail::Detail> = operation.details.iter().cloned().map(Into::into).collect();
            *bytes = postcard::to_extend(&details, mem::take(bytes))?;
        }
        Ok(())
    }

    /// Writes the number of the operation's kind, and describes it where it is new.
    fn kind(&mut self, operation: &Operation, bytes: &mut Vec<u8>) -> Result<usize> {
        let path_at = put_key(&mut self.key, operation);
        if let Some(number) = self.kinds.number(&self.key) {
            put_number(bytes, number as u64);
            return Ok(number);
        }
        let path = &self.key[path_at..];
        put_new(bytes, &kind(operation, path))?;
        Ok(self.kinds.add(&self.key, vec![0; path.len() + 1], path.len()))
    }

    /// The same for who made it.
    fn actor(&mut self, operation: &Operation, bytes: &mut Vec<u8>) -> Result<()> {
        if let Some((last, number)) = &self.last_actor
            && (last.tid, last.tgid) == (operation.tid, operation.tgid)
            && last.comm == operation.comm
        {
            put_number(bytes, *number as u64);
            return Ok(());
        }
        let actor = Actor { tgid: operation.tgid, tid: operation.tid, comm: shortened(&operation.comm) };
        self.key.clear();
        self.key = postcard::to_extend(&actor, mem::take(&mut self.key))?;
        let number = match self.actors.number(&self.key) {
            Some(number) => {
                put_number(bytes, number as u64);
                number
            }
            None => {
                put_new(bytes, &actor)?;
                self.actors.add(&self.key, (), 0)
            }
        };
        let owned = OwnedActor { tgid: operation.tgid, tid: operation.tid, comm: operation.comm.clone() };
        self.last_actor = Some((owned, number));
        Ok(())
    }
}

/// What operations of one kind have in common, in bytes that are found sooner than a description is made; and where in them the codes of
/// the events begin.
fn put_key(key: &mut Vec<u8>, operation: &Operation) -> usize {
    let Kind {
        op,
        buffer,
        pages,
        outcome: _,
        domid,
        stages_incomplete,
        flags,
        has_map_generation,
        has_details,
        attempts,
        path: _,
    } = kind(operation, &[]);
    let errno = if let Outcome::Errno(errno) = operation.outcome { Some(errno) } else { None };
    let known = [pages.is_some(), domid.is_some(), errno.is_some(), stages_incomplete, has_map_generation, has_details];
    let known = known.iter().fold(0, |bits, &is| bits << 1 | u8::from(is));
    key.clear();
    key.extend_from_slice(&[op.id(), buffer.map_or(0, Buffer::id), flags, known]);
    key.extend_from_slice(&pages.unwrap_or(0).to_le_bytes());
    key.extend_from_slice(&domid.unwrap_or(0).to_le_bytes());
    key.extend_from_slice(&errno.unwrap_or(0).to_le_bytes());
    key.extend_from_slice(&attempts.to_le_bytes());
    let path_at = key.len();
    key.extend(log(operation).iter().map(|event| event.code_of()));
    path_at
}

/// In the place of a number: what is described right behind gets the next one.
fn put_new(bytes: &mut Vec<u8>, described: &impl Serialize) -> Result<()> {
    put_number(bytes, 0);
    *bytes = postcard::to_extend(described, mem::take(bytes))?;
    Ok(())
}

fn put_gaps(bytes: &mut Vec<u8>, operation: &Operation, gaps: &mut [u64]) {
    let [before @ .., last] = gaps else { return };
    let mut offset_ns = 0;
    for (event, before) in log(operation).iter().zip(before) {
        if event.edge() != Edge::Mark {
            put_gap(bytes, event.offset_ns().wrapping_sub(offset_ns), before);
            offset_ns = event.offset_ns();
        }
    }
    put_gap(bytes, operation.duration_ns.wrapping_sub(offset_ns), last);
}

fn put_gap(bytes: &mut Vec<u8>, gap: u64, before: &mut u64) {
    put_number_near(bytes, gap, *before);
    *before = gap;
}

fn kind<'a>(operation: &Operation, path: &'a [u8]) -> Kind<'a> {
    Kind {
        op: operation.op,
        buffer: operation.buffer,
        pages: operation.pages,
        outcome: operation.outcome.into(),
        domid: operation.domid,
        stages_incomplete: operation.stages_incomplete || path.len() < operation.log.len(),
        flags: Flags { is_sounded: operation.is_sounded, phase: operation.phase }.byte(),
        has_map_generation: operation.map_generation_ns.is_some(),
        has_details: !operation.details.is_empty(),
        attempts: attempts(operation),
        path,
    }
}

/// A teardown's attempts after the first.
fn attempts(operation: &Operation) -> u16 {
    let mut waited = operation.stages.iter().filter(|span| operation.op == Op::Teardown && span.stage == Stage::Deferred);
    waited.next().map_or(0, |span| span.calls)
}

/// As much of an operation's log as a frame has room for: all of it, but for calls of many seconds.
fn log(operation: &Operation) -> &[Event] {
    &operation.log[..operation.log.len().min(MOST_EVENTS)]
}

fn shortened(comm: &str) -> &str {
    let end = (0..=comm.len().min(MOST_NAME_BYTES)).rev().find(|&end| comm.is_char_boundary(end));
    &comm[..end.unwrap_or(0)]
}
