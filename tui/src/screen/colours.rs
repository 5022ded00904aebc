//! What a terminal can show: how many colours, and which characters.

/// The colours that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// None.
    Never,
    /// The sixteen that every terminal with colours has, as its user has set them.
    Basic,
    /// xterm's 256.
    Indexed,
    /// Any.
    True,
}

/// The characters that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Characters {
    /// ASCII alone.
    Ascii,
    /// Any.
    Unicode,
}
