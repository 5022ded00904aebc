//! The undo journal: a run records what it changes before it changes it, restores it at its end, and the next run restores it where
//! there was no end (SIGKILL). Described in `docs/left.md`.
//!
//! A kind of change is a variant of [`Record`], with a way to [`undo`](Record::undo) it. [`Guard`] records and makes one, and undoes
//! it when it is dropped; [`recover`] undoes what dead runs left.

mod guard;
mod journal;
mod limit;
mod nodes;
mod owner;
mod recover;
mod truth_file;
mod value;

use serde::{Deserialize, Serialize};

use crate::device::Balloon;

pub use guard::Guard;
pub use journal::FOLDER;
pub use limit::RaisedLimit;
pub use nodes::Nodes;
pub use owner::Owner;
pub use recover::{Recovered, recover};
pub use truth_file::{TruthFile, Unwritten};
pub use value::Value;

/// One change that stays behind where nobody undoes it: what was changed, and what it was before.
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

/// What came of undoing a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// There is nothing to undo: it is as it was before, or gone.
    Nothing,
    /// It is undone: what was left, and what was done about it.
    Done(String),
    /// It was left alone: what was left, and why nothing was done.
    LeftAlone(String),
    /// It could not be undone: what is left, why, and what to do.
    Failed(String),
}

impl Record {
    /// Makes the change, where the journal makes it at all.
    fn make(&self) -> std::io::Result<()> {
        self.value().map_or(Ok(()), Value::make)
    }

    /// Undoes it. `others` are all other records, of this run and of every other one, dead or alive.
    fn undo(&self, others: &[Self]) -> Undone {
        match self {
            Self::Value(value) => value.undo(others),
            Self::Balloon { target, .. } => {
                let undone = target.undo(others);
                if matches!(undone, Undone::Done(_)) {
                    Balloon::of_this_domain().settle();
                }
                undone
            }
            Self::TruthFile(unwritten) => unwritten.undo(),
            Self::Nodes(nodes) => nodes.undo(others),
        }
    }

    /// Whether a reboot leaves it as it is.
    fn outlives_the_boot(&self) -> bool {
        matches!(self, Self::TruthFile(_))
    }

    /// Merges what else the same run has added to the same number, so that it is restored and reported as one change.
    fn merge(&mut self, changed: &mut Vec<Self>) {
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
}
