//! The undo journal: a run records what it changes before it changes it, restores it at its end, and the next run restores it where
//! there was no end (SIGKILL). Described in `docs/left.md`.
//!
//! A kind of change is a variant of [`Record`], with a way to undo it. [`Guard`] records and makes one, and undoes it when it is
//! dropped; [`recover`] undoes what dead runs left.

mod guard;
mod journal;
mod known;
mod limit;
mod lock;
mod nodes;
mod owner;
mod private;
mod record;
mod recover;
mod truth_file;
mod undone;
mod unwritten;
mod value;

pub use guard::Guard;
pub use journal::{FOLDER, Journal};
pub use limit::RaisedLimit;
pub use nodes::Nodes;
pub use owner::Owner;
pub use record::Record;
pub use recover::{Recovered, recover};
pub use truth_file::TruthFile;
pub use undone::Undone;
pub use unwritten::Unwritten;
pub use value::Value;
