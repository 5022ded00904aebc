//! What it costs to cross hooks, and so to pass those of an operation.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use grantscope_wire::{Buffer, Edge, HookId, Op, Stage};

use super::time::Own;
use super::virtual_log::Passed;
use crate::model::{Calibration, Cost, Crossing, Operation};

/// What it costs to cross hooks: all that is known so far.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    crossings: HashMap<Key, Crossing, RandomState>,
}

/// Which hook, which end of it, in which operations, on which buffers.
type Key = (HookId, Edge, Option<Op>, Option<Buffer>);

impl Costs {
    /// Takes in what is known anew.
    pub fn add(&mut self, calibration: &Calibration) {
        let known = calibration.crossings.iter().map(|crossing| (key(crossing), *crossing));
        self.crossings.extend(known);
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.crossings.is_empty()
    }

    /// The programs' own time in an operation. `None`: it cannot be told, because a part of its log or the cost of a crossing is not known.
    pub fn of(&self, operation: &Operation) -> Option<Own> {
        if !has_its_whole_log(operation) {
            return None;
        }
        let hook = operation.op.reported_by();
        let passed = Passed {
            op: operation.op,
            begin: self.cost(operation, hook, Edge::Entry)?,
            hooks: operation
                .log
                .iter()
                .map(|event| Some((*event, self.cost(operation, HookId::from_id(event.hook())?, event.edge())?)))
                .collect::<Option<_>>()?,
            end: self.cost(operation, hook, Edge::Return)?,
        };
        Some(passed.own(operation))
    }

    /// What a crossing costs in an operation: what is known of those that are most alike. The programs do the same in the same kind of
    /// operation, whatever the buffer is; in another kind less is the same.
    fn cost(&self, operation: &Operation, hook: HookId, edge: Edge) -> Option<Cost> {
        let op = Some(operation.op);
        let buffers = operation.buffer.into_iter().flat_map(by_likeness).map(Some);
        let mut alike = buffers.chain([None]).map(|buffer| (op, buffer)).chain([(None, None)]);
        let crossing = alike.find_map(|(op, buffer)| self.crossings.get(&(hook, edge, op, buffer)))?;
        Some(if operation.is_sounded { crossing.sounded } else { crossing.cost })
    }
}

/// What running a program costs, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanCost {
    /// Nanoseconds.
    pub ns: f64,
    /// How far off that may be.
    pub error_ns: f64,
}

impl Costs {
    /// What it costs to run the program at one end of a hook, on average over all times that it was measured in operations, else as it
    /// was measured elsewhere; `None`: it never was.
    ///
    /// A function's entry costs one thing where it reads the clock, and another where it is only marked: both are its entry.
    pub fn mean(&self, hook: HookId, edge: Edge) -> Option<MeanCost> {
        let is_return = |edge| matches!(edge, Edge::Return);
        let is_meant = |crossing: &&Crossing| crossing.hook == hook && is_return(crossing.edge) == is_return(edge);
        let known: Vec<_> = self.crossings.values().filter(is_meant).collect();
        let is_measured = known.iter().any(|crossing| crossing.count > 0);
        let weight = |crossing: &Crossing| if is_measured { f64::from(crossing.count) } else { 1.0 };
        let all: f64 = known.iter().map(|crossing| weight(crossing)).sum();
        let mean_ns =
            |ps: fn(&Cost) -> f64| known.iter().map(|crossing| ps(&crossing.cost) * weight(crossing)).sum::<f64>() / all / 1e3;
        (all > 0.0).then(|| MeanCost {
            ns: mean_ns(|cost| f64::from(cost.before_ps) + f64::from(cost.after_ps)),
            error_ns: mean_ns(|cost| f64::from(cost.error_ps)),
        })
    }
}

/// A kind of buffer, and then those that are most like it: both kinds of DMA memory take the same way.
fn by_likeness(buffer: Buffer) -> [Buffer; 4] {
    match buffer {
        Buffer::Pages => [Buffer::Pages, Buffer::Foreign, Buffer::Wc, Buffer::Coherent],
        Buffer::Wc => [Buffer::Wc, Buffer::Coherent, Buffer::Pages, Buffer::Foreign],
        Buffer::Coherent => [Buffer::Coherent, Buffer::Wc, Buffer::Pages, Buffer::Foreign],
        Buffer::Foreign => [Buffer::Foreign, Buffer::Pages, Buffer::Wc, Buffer::Coherent],
    }
}

fn key(crossing: &Crossing) -> Key {
    (crossing.hook, crossing.edge, crossing.op, crossing.buffer)
}

/// Whether all hooks that it passed are in its log. A teardown that was deferred has only its last attempt there.
pub fn has_its_whole_log(operation: &Operation) -> bool {
    let is_deferred = operation.stages.iter().any(|span| span.stage == Stage::Deferred);
    !operation.stages_incomplete && !is_deferred
}

#[cfg(test)]
mod tests;
