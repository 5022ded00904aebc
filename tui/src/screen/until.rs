//! How something is watched.

use crate::screen::terminal::Mouse;

/// How long an input is watched on a terminal. Elsewhere, to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until its user quits; then the summary is printed.
    AskedFor,
    /// Until it ends, or its user quits before; what becomes of it is said elsewhere.
    ItsEnd,
}

/// How an input is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watching {
    /// How long.
    pub until: Until,
    /// Whose the mouse is.
    pub mouse: Mouse,
}
