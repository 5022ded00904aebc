//! What came of undoing a change.

/// The result of undoing a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// There is nothing to undo: the old value is there, or the file is gone.
    Nothing,
    /// It is undone: what was left, and what was done about it.
    Done(String),
    /// It was left alone: what was left, and why nothing was done.
    LeftAlone(String),
    /// It could not be undone: what is left, why, and what to do.
    Failed(String),
}
