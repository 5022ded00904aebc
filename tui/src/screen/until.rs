//! How something is watched.

use std::time::Duration;

use crate::screen::terminal::Mouse;
use crate::screen::theme::Theme;

/// How long an input is watched on a terminal. Elsewhere, to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until its user quits; then the summary is printed.
    AskedFor,
    /// Until it ends, or its user quits before; what becomes of it is said elsewhere.
    ItsEnd,
}

/// The view as plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reports {
    /// Also on a terminal.
    pub are_wanted: bool,
    /// Between two of them.
    pub interval: Duration,
}

/// How an input is watched.
#[derive(Clone, Copy, Debug)]
pub struct Watching {
    /// How long.
    pub until: Until,
    /// Whose the mouse is.
    pub mouse: Mouse,
    /// How it looks.
    pub theme: Theme,
    /// The same as text.
    pub reports: Reports,
}
