//! A record of the journal: one change, and how to undo it.

use serde::{Deserialize, Serialize};

use super::nodes::Nodes;
use super::undone::Undone;
use super::unwritten::Unwritten;
use super::value::Value;
use crate::device::Balloon;

/// One change that would outlive its run: what is changed, and its old value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// A value in a file of the kernel.
    Value(Value),
    /// The balloon's target, lowered so that the run finds pages in the balloon.
    Balloon {
        /// The target.
        target: Value,
        /// How many pages the run counts on.
        pages: u64,
    },
    /// A truth file that is not written yet.
    TruthFile(Unwritten),
    /// References in xenstore.
    Nodes(Nodes),
}

impl Record {
    /// Makes the change, if it is one of a value; the others are made by those who record them.
    ///
    /// # Errors
    /// The file of the kernel cannot be written.
    pub(super) fn make(&self) -> std::io::Result<()> {
        self.value().map_or(Ok(()), Value::make)
    }

    /// Undoes it. `others` are all other records, of this run and of every other one, dead or alive.
    pub(super) fn undo(&self, others: &[Self]) -> Undone {
        match self {
            Self::Value(value) => value.undo(&Self::values(others)),
            Self::Balloon { target, .. } => {
                let undone = target.undo(&Self::values(others));
                if matches!(undone, Undone::Done(_)) {
                    Balloon::of_this_domain().settle();
                }
                undone
            }
            Self::TruthFile(unwritten) => unwritten.undo(),
            Self::Nodes(nodes) => nodes.undo(&Self::nodes(others)),
        }
    }

    /// What no run of ours can have recorded, if this is so: a journal is followed as root, and may be somebody else's work.
    pub(super) fn forged(&self) -> Option<String> {
        match self {
            Self::Value(value) => value.forged(),
            Self::Balloon { target, .. } => target.forged(),
            Self::TruthFile(unwritten) => unwritten.forged(),
            Self::Nodes(nodes) => nodes.forged(),
        }
    }

    /// Whether a reboot leaves it as it is.
    pub(super) fn outlives_the_boot(&self) -> bool {
        matches!(self, Self::TruthFile(_))
    }

    /// Merges what else the same run has added to the same number, so that it is restored and reported as one change.
    pub(super) fn merge(&mut self, changed: &mut Vec<Self>) {
        if let Self::Value(value) | Self::Balloon { target: value, .. } = self {
            changed.retain(|other| !other.value().is_some_and(|other| value.merge(other)));
        }
    }

    fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) | Self::Balloon { target: value, .. } => Some(value),
            _ => None,
        }
    }

    /// All values among `records`.
    pub fn values(records: &[Self]) -> Vec<Value> {
        records.iter().filter_map(Self::value).cloned().collect()
    }

    /// All nodes among `records`.
    pub fn nodes(records: &[Self]) -> Vec<Nodes> {
        let nodes = |record: &Self| if let Self::Nodes(nodes) = record { Some(nodes.clone()) } else { None };
        records.iter().filter_map(nodes).collect()
    }
}
