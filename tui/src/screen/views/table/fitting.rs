//! The columns of the table that there is room for, and what a row has in each.

use grantscope_analysis::column::{Align, COLUMNS};
use grantscope_analysis::series::activity::SECONDS;
use grantscope_analysis::shown::{self, cut, width as width_of};

use crate::screen::model::columns::{self, ALWAYS, BUFFER, COUNT, Column, NARROW, OPERATION, OUTCOME, PAGES, SHOWN, Shown};
use crate::screen::model::common::Common;
use crate::screen::model::rows::Row;
use crate::screen::model::sizes::Sizes;
use crate::screen::text;
use crate::screen::widgets::bar;

/// A column that is seen.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Which.
    pub column: Column,
    /// In characters.
    pub width: usize,
}

/// The longest names of errnos are cut.
const WIDEST_OUTCOME: usize = 12;
/// Names are cut to this at most, and of a narrow terminal to that.
const LEAST_NAME: usize = 12;
const LEAST_NAME_NARROW: usize = 9;
/// Where page counts would have no room else: `1/177▲` in the heading.
const LEAST_NAME_TIGHT: usize = 7;
/// As much as tells kinds of buffer apart.
const LEAST_BUFFER: usize = 5;
/// As wide as `op 110/110▲`.
const USUAL_NAME_NARROW: usize = 11;
/// The marker of the selected row, and a blank or the mark of one that failed.
const MARKER_WIDTH: usize = 2;

/// Those that have room, from left to right.
pub fn columns(common: &Common, width: usize) -> Vec<Seen> {
    let (by_rank, always) = by_rank(common, width);
    let mut room = width.saturating_sub(MARKER_WIDTH);
    let mut seen: Vec<Seen> = Vec::new();
    for shown in by_rank {
        let width = match shown.column {
            Column::Minute => minute_width(room.saturating_sub(1)),
            _ => Some(column_width(&shown, common, width < NARROW)),
        };
        let Some(width) = width else { continue };
        if seen.len() < always || width < room {
            room = room.saturating_sub(width + 1);
            seen.push(Seen { column: shown.column, width });
        }
    }
    seen.sort_by_key(|seen| SHOWN.iter().position(|shown| shown.column == seen.column));
    shorten_names(&mut seen, width);
    seen
}

/// The columns in the order in which they get room, and how many do in any case.
fn by_rank(common: &Common, width: usize) -> (Vec<Shown>, usize) {
    let sorted_by = common.listing.order().column;
    let sizes = Sizes::of(common.listing.rows());
    if width < NARROW {
        return (columns::shown_narrow(sizes, sorted_by), columns::always_narrow(sizes));
    }
    let mut by_rank = columns::shown(sizes);
    // What the rows are sorted by must be seen: where there is no room for both, it takes the place of their count.
    let takes_place = by_rank.iter().any(|shown| shown.column == sorted_by && shown.rank >= ALWAYS);
    let count = by_rank.iter().find(|shown| shown.column == COUNT).map_or(ALWAYS, |shown| shown.rank);
    by_rank.sort_by_key(|shown| match shown.column {
        column if takes_place && column == sorted_by => count,
        COUNT if takes_place => ALWAYS,
        // After the count, if that has given way.
        _ if shown.rank >= ALWAYS => shown.rank + 1,
        _ => shown.rank,
    });
    (by_rank, ALWAYS)
}

/// Of what does not fit, names are cut, then those of buffers, and page counts left out at last: a number without its end is another
/// number, and without its page count a row is any of several.
fn shorten_names(seen: &mut Vec<Seen>, width: usize) {
    let needed = |seen: &[Seen]| MARKER_WIDTH + seen.iter().map(|seen| seen.width + 1).sum::<usize>() - seen.len().min(1);
    let least = if width < NARROW { LEAST_NAME_NARROW } else { LEAST_NAME };
    let has_pages = seen.iter().any(|seen| seen.column == PAGES);
    let cuts = [(OPERATION, least), (BUFFER, LEAST_BUFFER), (OPERATION, LEAST_NAME_TIGHT)];
    for (column, least) in cuts.into_iter().take(if has_pages { cuts.len() } else { 1 }) {
        let over = needed(seen).saturating_sub(width);
        let names = seen.iter_mut().find(|seen| seen.column == column);
        names.into_iter().for_each(|names| names.width -= over.min(names.width.saturating_sub(least)));
    }
    if needed(seen) > width {
        seen.retain(|seen| seen.column != PAGES);
    }
}

/// Wider than usual only where a name needs it.
fn column_width(shown: &Shown, common: &Common, is_narrow: bool) -> usize {
    let rows = common.listing.rows().iter();
    match shown.column {
        OPERATION if is_narrow => text::name_width(rows.map(Row::name), USUAL_NAME_NARROW),
        // Its heading also says which row is selected.
        OPERATION => {
            text::name_width(rows.map(Row::name), shown.width.max(OPERATION_HEADING + 2 * digits(common.listing.rows().len())))
        }
        Column::PerPage | PAGES => rows.map(|row| width_of(&text::cell(row, shown.column))).fold(shown.width, usize::max),
        OUTCOME => rows.map(|row| row.group.outcome.name().len()).max().unwrap_or(0).clamp(shown.width, WIDEST_OUTCOME),
        _ => shown.width,
    }
}

/// `operation 12/110▲`, without the digits of both numbers.
const OPERATION_HEADING: usize = 12;

fn digits(number: usize) -> usize {
    number.to_string().len()
}

/// The widest sparkline in which every character stands for equally many seconds; `None`: no room for one.
fn minute_width(room: usize) -> Option<usize> {
    [1, 2, 3, 4].into_iter().map(|seconds| SECONDS / seconds).find(|&width| width <= room)
}

/// The heading; of that of the operations, which row is selected is never cut.
pub fn heading(columns: &[Seen], common: &Common) -> String {
    let cells = columns.iter().map(|seen| {
        let mut name = column_name(seen, common).to_owned();
        if let (OPERATION, Some(selected)) = (seen.column, common.listing.selected()) {
            let place = format!("{}/{}", selected + 1, common.listing.rows().len());
            // The mark of the order needs one more.
            let has_room = |name: &str| width_of(name) + 1 + width_of(&place) < seen.width;
            name = match name {
                name if has_room(&name) => format!("{name} {place}"),
                _ if has_room("op") => format!("op {place}"),
                _ => place,
            };
        }
        if seen.column == common.listing.order().column {
            name.push(if common.listing.order().is_ascending() { '▲' } else { '▼' });
        }
        pad(&name, seen)
    });
    format!("  {}", cells.collect::<Vec<_>>().join(" "))
}

fn column_name(seen: &Seen, common: &Common) -> &'static str {
    match seen.column {
        Column::Of(place) => COLUMNS[place].heading,
        Column::PerPage => "p50 per page",
        Column::Rate => text::rate_heading(common),
        Column::Minute if seen.width >= 30 => "ops, each of the last 60 s",
        Column::Minute => "ops, last 60 s",
    }
}

/// What a row says.
pub fn line(row: &Row, columns: &[Seen]) -> String {
    columns.iter().map(|seen| pad(&cell(row, seen), seen)).collect::<Vec<_>>().join(" ")
}

/// What a row has in a column.
pub fn cell(row: &Row, seen: &Seen) -> String {
    match seen.column {
        Column::Minute => bar::sparkline(&folded(&row.minute, seen.width)),
        COUNT => text::count(row.count),
        OPERATION => text::shortened(&row.name(), seen.width),
        column => text::cell(row, column),
    }
}

/// Sums neighbours until there are `width` values.
fn folded(minute: &[u64; SECONDS], width: usize) -> Vec<u64> {
    minute.chunks(SECONDS / width.max(1)).map(|seconds| seconds.iter().sum()).collect()
}

/// As wide as the column; what is longer says that it is cut.
pub fn pad(text: &str, seen: &Seen) -> String {
    let width = seen.width;
    let text = cut(text, width);
    let text = shown::Shown(&text);
    match seen.column.align() {
        Align::Left => format!("{text:<width$}"),
        Align::Right => format!("{text:>width$}"),
    }
}
