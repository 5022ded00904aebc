//! How something is watched.

use std::time::Duration;

use crate::screen::keys::Keys;
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

/// How a viewer looks, and what its keys do.
#[derive(Clone, Debug)]
pub struct Look {
    /// Whose the mouse is.
    pub mouse: Mouse,
    /// Colours and characters.
    pub theme: Theme,
    /// What the keys do.
    pub keys: Keys,
    /// The file that says so; `None`: none was read.
    pub file: Option<String>,
}

/// How an input is watched.
#[derive(Clone, Debug)]
pub struct Watching {
    /// How long.
    pub until: Until,
    /// How it looks.
    pub look: Look,
    /// The same as text.
    pub reports: Reports,
}
