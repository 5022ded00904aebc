//! What a user can ask for, whatever the key.

/// The name of a view in the registry (`views::VIEWS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewId(pub &'static str);

/// What a user can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The row or line above.
    Up,
    /// The row or line below.
    Down,
    /// A screenful up.
    PageUp,
    /// A screenful down.
    PageDown,
    /// The first row or line.
    First,
    /// The last row or line.
    Last,
    /// A view; and back.
    Open(ViewId),
    /// The next layout of the lower half.
    NextPane,
    /// Sort by the next column.
    Sort,
    /// Reverse the order.
    Reverse,
    /// One row for all page counts, or one row each.
    MergePages,
    /// Times as they were measured, or without the probes' own.
    OtherTimes,
    /// Show the next metric.
    Metric,
    /// Hold a replay where it is; live: the display, while data goes on being read.
    Pause,
    /// Hold a replay, and go on by a little.
    Step,
    /// Play a recording half as fast.
    Slower,
    /// Play a recording twice as fast.
    Faster,
    /// Begin new histograms.
    Reset,
    /// One step back; from the table: quit.
    Back,
    /// Quit.
    Quit,
}

/// Rows that page up and page down move by.
const PAGE_ROWS: isize = 10;

impl Command {
    /// By how many rows or lines it moves, negative upwards; `None`: it does not move.
    pub fn step(self) -> Option<isize> {
        match self {
            Self::Up => Some(-1),
            Self::Down => Some(1),
            Self::PageUp => Some(-PAGE_ROWS),
            Self::PageDown => Some(PAGE_ROWS),
            Self::First => Some(isize::MIN),
            Self::Last => Some(isize::MAX),
            _ => None,
        }
    }
}
