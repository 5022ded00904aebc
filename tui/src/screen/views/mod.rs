//! The registry of views: to add one, make its folder, and write its row here.

pub mod baseline;
pub mod compare;
pub mod errors;
pub mod help;
pub mod info;
pub mod maps;
pub mod probes;
pub mod shape;
pub mod slow;
pub mod table;
pub mod text_view;
pub mod time;
pub mod waterfall;

use crossterm::event::KeyCode::{Char, Enter};
use grantscope_analysis::history::What;

use self::text_view::TextView;
use crate::screen::binding::{Binding, binding};
use crate::screen::command::Command::{
    self, Back, Down, Filter, Finer, MergePages, Metric, MorePages, NextPane, NextView, Open, OtherTimes, Pause, Quit, Reverse,
    Sort, Travel, Write,
};
use crate::screen::command::{Travel as To, ViewId};
use crate::screen::keys::{HELP_KEY, Keys};
pub use crate::screen::open::{BASELINE, COMPARE, ERRORS, HELP, INFO, MAPS, PROBES, SHAPE, SLOW, TIME, WHERE};
use crate::screen::view::View;

/// A view as the rest of the screen knows it.
pub struct Row {
    /// Its name.
    pub id: ViewId,
    /// The key that opens it and closes it, with a word for the footer and a sentence for the help screen; `None`: it is what
    /// is left when all others are closed.
    pub key: Option<Binding>,
    /// Where it lies.
    pub layer: Layer,
    /// What ↑ and ↓ move there, in a word for the footer.
    pub moves: &'static str,
    /// The keys that its footer shows, as far as there is room.
    pub footer: &'static [Command],
    /// Makes one in which nothing has been chosen yet.
    pub new: fn() -> Box<dyn View>,
}

/// Where a view lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Between header and footer.
    Body,
    /// Over the others, with a title in place of the header; what is below comes back when it is closed.
    Over {
        /// Its title.
        title: &'static str,
    },
}

const EARLIER: Command = Travel(To::Columns(-1));
const LONGEST: Command = Travel(To::Longest);
const NEXT_FAILURE: Command = Travel(To::Next(What::Failure));
const NEXT_LOSS: Command = Travel(To::Next(What::Loss));
const NOW: Command = Travel(To::Now);

/// Where the table is in `VIEWS`: it is what is left when all others are closed.
pub const BASE: usize = 0;

const FOOTER_OVER: &[Command] = &[Quit, Down, HELP, NextView];

/// All views, in the order of the help screen.
pub const VIEWS: &[Row] = &[
    Row {
        id: ViewId("table"),
        key: None,
        layer: Layer::Body,
        moves: "row",
        footer: &[
            Quit, HELP, Down, SLOW, WHERE, COMPARE, Filter, Sort, MergePages, Pause, NextView, INFO, NextPane, Reverse,
            OtherTimes, Write,
        ],
        new: || Box::new(table::state::Table::default()),
    },
    Row {
        id: ViewId("where"),
        key: Some(binding(
            &[Char('t')],
            "t",
            WHERE,
            "where",
            "where the time of the selected operation goes, in all buffer kinds",
        )),
        layer: Layer::Body,
        moves: "stage",
        footer: &[Quit, Back, HELP, Down, MorePages, Sort, COMPARE, Filter, Pause, NextView, INFO, OtherTimes],
        new: || Box::new(waterfall::Waterfall::default()),
    },
    Row {
        id: ViewId("shape"),
        key: Some(binding(
            &[Char('S')],
            "S",
            SHAPE,
            "shape",
            "how the durations of the selected row are distributed, beside those of the other kinds of buffer",
        )),
        layer: Layer::Body,
        moves: "row",
        footer: &[Quit, Back, HELP, Down, MorePages, SLOW, COMPARE, MergePages, Pause, NextView, INFO, OtherTimes, Write],
        new: || Box::new(shape::Shape::default()),
    },
    Row {
        id: TIME,
        key: Some(binding(
            &[Char('T')],
            "T",
            Open(TIME),
            "time",
            "what happened when: latencies of the selected row over time, failures, losses; again: back to the table",
        )),
        layer: Layer::Body,
        moves: "row",
        footer: &[
            Quit,
            Back,
            HELP,
            EARLIER,
            LONGEST,
            NEXT_FAILURE,
            NEXT_LOSS,
            NOW,
            Down,
            Finer,
            Pause,
            NextView,
            MorePages,
            OtherTimes,
        ],
        new: || Box::new(time::Time::default()),
    },
    Row {
        id: ViewId("compare"),
        key: Some(binding(
            &[Char('c')],
            "c",
            COMPARE,
            "compare",
            "pages, wc and coherent side by side; again: back to the table",
        )),
        layer: Layer::Body,
        moves: "row",
        footer: &[Quit, Back, HELP, Down, Metric, Filter, MergePages, Pause, NextView, INFO, OtherTimes],
        new: || Box::new(compare::state::Compare::default()),
    },
    Row {
        id: ViewId("maps"),
        key: Some(binding(&[Char('M')], "M", MAPS, "maps", "live mappings, the oldest first, and leak suspects among them")),
        layer: Layer::Over { title: "live mappings" },
        moves: "scroll",
        footer: FOOTER_OVER,
        new: || Box::new(TextView::of(maps::lines)),
    },
    Row {
        id: ViewId("errors"),
        key: Some(binding(&[Char('E')], "E", ERRORS, "errors", "what failed, why, and the last failures themselves")),
        layer: Layer::Over { title: "errors: what failed, and why?" },
        moves: "scroll",
        footer: FOOTER_OVER,
        new: || Box::new(TextView::of(errors::lines)),
    },
    Row {
        id: ViewId("probes"),
        key: Some(binding(&[Char('P')], "P", PROBES, "probes", "what watching costs, hook by hook, and what is missing")),
        layer: Layer::Over { title: "probes: what does watching cost, and what is missing?" },
        moves: "scroll",
        footer: FOOTER_OVER,
        new: || Box::new(TextView::of(probes::lines)),
    },
    Row {
        id: ViewId("slowest"),
        key: Some(binding(
            &[Enter],
            "Enter",
            SLOW,
            "slowest",
            "the slowest operations of the selected row, each with its stages on a time line; again: back to the table",
        )),
        layer: Layer::Body,
        moves: "operation",
        footer: &[Quit, Back, HELP, Down, Sort, MorePages, SHAPE, WHERE, COMPARE, Pause, NextView, INFO, OtherTimes],
        new: || Box::new(slow::Slow::default()),
    },
    Row {
        id: ViewId("baseline"),
        key: Some(binding(
            &[Char('b')],
            "b",
            BASELINE,
            "baseline",
            "what became slower since the runs that --baseline names; again: back to the table",
        )),
        layer: Layer::Body,
        moves: "row",
        footer: &[Quit, Back, HELP, Down, SLOW, WHERE, Filter, Pause, NextView, INFO],
        new: || Box::new(baseline::Baseline::default()),
    },
    Row {
        id: ViewId("info"),
        key: Some(binding(&[Char('i')], "i", INFO, "info", "where this was recorded, all hooks, and what was lost")),
        layer: Layer::Over { title: "recording, loss and hooks" },
        moves: "scroll",
        footer: FOOTER_OVER,
        new: || Box::new(TextView::of(info::lines)),
    },
    Row {
        id: ViewId("help"),
        key: Some(binding(&[Char('?'), HELP_KEY], "? F1", HELP, "help", "this help")),
        layer: Layer::Over { title: "help" },
        moves: "scroll",
        footer: FOOTER_OVER,
        new: || Box::new(TextView::of(help::lines)),
    },
];

/// All keys: those that open views, and those that mean the same in all of them.
pub fn keys() -> Keys {
    Keys::with(VIEWS.iter().filter_map(|row| row.key))
}

/// Where a view is in `VIEWS`.
pub fn index(id: ViewId) -> usize {
    VIEWS.iter().position(|row| row.id == id).expect("only views of the table are opened: tested")
}

#[cfg(test)]
mod tests;
