//! How many operations, by the hooks that report them: as losses are counted.

use std::collections::BTreeMap;

use grantscope_wire::{HookId, LossKind};

use crate::model::{LossCounter, Operation};

/// How many, by hook. None is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<HookId, u64>);

impl Counts {
    /// Of these operations.
    pub fn of(operations: &[Operation]) -> Self {
        let mut counts = Self::default();
        counts.add_operations(operations);
        counts
    }

    /// And these operations.
    pub fn add_operations(&mut self, operations: &[Operation]) {
        operations.iter().for_each(|operation| *self.0.entry(operation.op.reported_by()).or_default() += 1);
    }

    /// And these.
    pub fn add(&mut self, more: &Self) {
        more.0.iter().for_each(|(&hook, count)| *self.0.entry(hook).or_default() += count);
    }

    /// What is more here than it was then.
    pub fn since(&self, then: &Self) -> Self {
        let more = self.0.iter().map(|(hook, count)| (*hook, count - then.0.get(hook).unwrap_or(&0)));
        Self(more.filter(|(_, count)| *count > 0).collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// They were lost in this way.
    pub fn lost(&self, kind: LossKind) -> impl Iterator<Item = LossCounter> {
        self.0.iter().map(move |(&hook, &count)| LossCounter { hook, kind, count })
    }
}
