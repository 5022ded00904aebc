//! What a user can ask for, whatever the key.

use grantscope_analysis::history::What;

/// The name of a view in the registry (`views::VIEWS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ViewId(pub &'static str);

/// A time to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// So many columns further, negative backwards.
    Columns(i8),
    /// This time of the recording.
    To(u64),
    /// When the longest operation of the selected row ended.
    Longest,
    /// The next time at which this happened; behind the last, the first.
    Next(What),
    /// The present.
    Now,
}

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
    /// The same operation with the page count before.
    FewerPages,
    /// The same operation with the next page count.
    MorePages,
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
    /// The same of the selected row's operation alone.
    Expand,
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
    /// One step back, to the table.
    Back,
    /// Look at another time.
    Travel(Travel),
    /// Shorter columns of time.
    Finer,
    /// Longer columns of time.
    Coarser,
    /// The row or line that is looked for, below.
    NextMatch,
    /// The same above.
    PreviousMatch,
    /// The selected row alone.
    Into,
    /// The view of this number, counted from 1.
    Number(usize),
    /// The view with the next number.
    NextView,
    /// The view with the number before.
    PreviousView,
    /// Ask what is to be shown alone.
    Filter,
    /// Ask what is to be looked for.
    Search,
    /// Ask how the present of the recording is to be called.
    Mark,
    /// Write the table to a file.
    Write,
    /// Give the selected row to the terminal's clipboard.
    Copy,
    /// Draw all anew.
    Repaint,
    /// Stop until the shell says to go on.
    Suspend,
    /// Close what lies over the views; quit where nothing does.
    Quit,
    /// Quit, whatever is seen.
    QuitAtOnce,
}

impl Command {
    /// By how many rows or lines it moves where a page has as many, negative upwards; `None`: it does not move.
    pub fn step(self, page: usize) -> Option<isize> {
        let page = page.max(1) as isize;
        match self {
            Self::Up => Some(-1),
            Self::Down => Some(1),
            Self::PageUp => Some(-page),
            Self::PageDown => Some(page),
            Self::First => Some(isize::MIN),
            Self::Last => Some(isize::MAX),
            _ => None,
        }
    }

    /// Where it moves from a row of so many; `None`: it does not move, or what is looked for is nowhere else.
    pub fn moved(self, from: usize, rows: usize, page: usize, is_found: impl Fn(usize) -> bool) -> Option<usize> {
        let around = 1..rows;
        match self {
            Self::NextMatch => around.map(|step| (from + step) % rows).find(|&row| is_found(row)),
            Self::PreviousMatch => around.map(|step| (from + rows - step) % rows).find(|&row| is_found(row)),
            command => Some(from.saturating_add_signed(command.step(page)?).min(rows.checked_sub(1)?)),
        }
    }
}
