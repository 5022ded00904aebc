//! How long something is watched.

/// How long an input is watched on a terminal. Elsewhere, to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until its user quits; then the summary is printed.
    AskedFor,
    /// Until it ends, or its user quits before; what becomes of it is said elsewhere.
    ItsEnd,
}
