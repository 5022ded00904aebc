//! The past of the selected row, as values.

use grantscope_analysis::history::{Heat, Interval, Which};
use grantscope_analysis::series::SeriesKey;

use crate::screen::model::common::Common;
use crate::screen::model::subject::Subject;
use crate::screen::model::timeline::Span;

/// Lines of the body beside those of the heat map: title, rate, axis, what is said of a column, and at most as many marks.
const OTHER_LINES: usize = 10;
/// Title, axis, and the lines for the facts of a column, where there are few for all.
const LINES_FOR_WORDS: usize = 8;
/// A heat map of fewer rows says nothing, but where somebody looks at one column.
pub const LEAST_ROWS: usize = 3;

/// What happened when.
#[derive(Clone, Debug, Default)]
pub struct Time {
    /// What is seen; `None`: nothing has happened so far.
    pub seen: Option<Seen>,
    of: Option<Inputs>,
}

/// A part of the past.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The row that is looked at; `None`: there is none.
    pub subject: Option<Subject>,
    /// Its columns.
    pub span: Span,
    /// Durations of the row over time.
    pub heat: Heat,
    /// The column that is looked at, and what happened in it; `None`: none is.
    pub at: Option<(usize, At)>,
}

/// What happened in a column.
#[derive(Clone, Debug)]
pub struct At {
    /// Of the row.
    pub of_row: Option<Interval>,
    /// Of all.
    pub of_all: Option<Interval>,
}

/// What all of it depends on.
#[derive(Clone, Debug, PartialEq)]
struct Inputs {
    /// Operations, what was lost, and marks.
    read: (u64, u64, u64),
    subject: Option<Subject>,
    span: Span,
    rows: usize,
    cursor_ns: Option<u64>,
}

impl Time {
    /// Looks at what was read so far, if that is not what is seen already: it takes some milliseconds of a long past.
    pub fn refresh(&mut self, common: &Common) {
        let Some(span) = common.span() else {
            *self = Self::default();
            return;
        };
        let data = common.whole();
        // Where there are marks, they have a line of the picture, and one of what is said.
        let other_lines = if data.history.marks().count() > 0 { OTHER_LINES + 2 } else { OTHER_LINES };
        let inputs = Inputs {
            read: (data.aggregate.operations(), data.aggregate.loss().total(), data.history.marks().count()),
            subject: common.subject(),
            span,
            rows: rows(common, other_lines),
            cursor_ns: common.timeline.cursor_ns(),
        };
        if self.of.as_ref() != Some(&inputs) {
            self.seen = Some(seen(common, &inputs));
            self.of = Some(inputs);
        }
    }
}

/// In how many rows durations are told apart: in a low body, no more than leave room for what is said of a column.
fn rows(common: &Common, other_lines: usize) -> usize {
    let lines = usize::from(common.body_lines);
    let least = match common.timeline.cursor_ns() {
        Some(_) => lines.saturating_sub(LINES_FOR_WORDS).clamp(1, LEAST_ROWS),
        None => LEAST_ROWS,
    };
    lines.saturating_sub(other_lines).max(least)
}

fn seen(common: &Common, inputs: &Inputs) -> Seen {
    let history = &common.whole().history;
    let is_meant = |key: &SeriesKey| inputs.subject.as_ref().is_some_and(|subject| subject.means(key));
    let row = Which::Of(&is_meant);
    let heat = history.heat(row, inputs.span.window(), inputs.span.columns, inputs.rows);
    let place = inputs.cursor_ns.and_then(|at_ns| inputs.span.place(at_ns));
    let at = place.map(|place| {
        let window = inputs.span.column(place);
        (place, At { of_row: history.interval(row, window), of_all: history.interval(Which::All, window) })
    });
    Seen { subject: inputs.subject.clone(), span: inputs.span, heat, at }
}
