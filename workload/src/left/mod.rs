//! What a run changes that would outlive it: noted in a journal before it is changed, undone at the end, and by the next run where
//! there was no end (SIGKILL). Described in `docs/left.md`.
//!
//! A kind of thing is a variant of [`Left`], with a way to [`undo`](Left::undo) it. [`change`] notes one and makes the change;
//! [`look_after`] undoes what is left of runs that are gone.

mod held;
mod journal;
mod look;
mod nodes;
mod number;
mod own;
mod owner;
mod setting;
mod truth_file;

use serde::{Deserialize, Serialize};

use crate::balloon::Node;

pub use held::{Holder, holders};
pub use journal::{FOLDER, Folder};
pub use look::{Found, look_after};
pub use nodes::Nodes;
pub use number::Number;
pub use own::{Noted, change};
pub use owner::Owner;
pub use setting::Setting;
pub use truth_file::TruthFile;

/// One thing that stays behind where nobody undoes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Left {
    /// A number of the kernel's to which several runs may have added: a driver's limit.
    Number(Number),
    /// The balloon's target, lowered so that so many pages are in the balloon.
    Balloon {
        /// The target.
        target: Number,
        /// Pages that the run counts on.
        pages: u64,
    },
    /// A setting of the kernel's that was given another value.
    Setting(Setting),
    /// A truth file that is not written yet.
    TruthFile(TruthFile),
    /// References in xenstore.
    Nodes(Nodes),
}

/// What came of undoing something.
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

impl Left {
    /// Makes the change, where noting is not all there is to do here.
    fn make(&self) -> std::io::Result<()> {
        match self {
            Self::Number(number) | Self::Balloon { target: number, .. } => number.make(),
            Self::Setting(setting) => setting.make(),
            Self::TruthFile(_) | Self::Nodes(_) => Ok(()),
        }
    }

    /// Undoes it. `others` are all other notes, of this run and of every other one, dead or alive.
    pub fn undo(&self, others: &[Self]) -> Undone {
        match self {
            Self::Number(number) => number.undo(others),
            Self::Balloon { target, .. } => {
                let undone = target.undo(others);
                if matches!(undone, Undone::Done(_)) {
                    Node::of_this_domain().settle();
                }
                undone
            }
            Self::Setting(setting) => setting.undo(others),
            Self::TruthFile(file) => file.undo(others),
            Self::Nodes(nodes) => nodes.undo(others),
        }
    }

    /// Whether it is still there when the machine has started anew.
    fn outlives_the_boot(&self) -> bool {
        matches!(self, Self::TruthFile(_))
    }

    /// Takes in what else the same run has added to the same number: for people that is one thing.
    fn take_in(&mut self, changed: &mut Vec<Self>) {
        if let Self::Number(number) | Self::Balloon { target: number, .. } = self {
            changed.retain(|other| !other.number().is_some_and(|other| number.take_in(other)));
        }
    }

    fn number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) | Self::Balloon { target: number, .. } => Some(number),
            _ => None,
        }
    }
}
