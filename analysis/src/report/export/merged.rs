//! CSV of many runs: the columns of one recording's, and behind them one for each tag.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;

use super::audience::Audience;
use super::csv::{columns, written};
use super::error::ExportError;
use crate::column::{COLUMNS, Column, Row};
use crate::merge::Merged;
use crate::model::status_list;
use crate::runs::csv::{Listed, OF_RUN, TAG};
use crate::series::{Aggregate, Series, SeriesKey};
use crate::shown::escaped;

/// Writes all series of all runs as CSV.
///
/// # Errors
///
/// Where `out` refuses the text, and where a histogram cannot be packed.
pub fn merged(merged: &Merged, out: impl Write) -> Result<(), ExportError> {
    let tags: BTreeSet<&str> = merged.runs().flat_map(|listed| listed.circumstances.tags.keys()).map(String::as_str).collect();
    let mut writer = csv::Writer::from_writer(out);
    let of_tags = tags.iter().map(|tag| Cow::from(format!("{TAG}{tag}")));
    writer.write_record(columns().into_iter().map(Cow::from).chain(of_tags).map(|name| name.into_owned()))?;
    // Of each line, what is read from a whole recording is known of the run already.
    let nothing = Aggregate::default();
    for listed in merged.runs() {
        let cells_of_tags =
            tags.iter().map(|&tag| listed.circumstances.tags.get(tag).map_or(Cow::from(""), |value| escaped(value)));
        let cells_of_tags: Vec<_> = cells_of_tags.collect();
        for (key, series) in &listed.run.series {
            let cell = |column| of_run(column, listed, key).map_or_else(|| of_series(column, &nothing, key, series), Ok);
            let cells = COLUMNS.iter().map(cell).collect::<Result<Vec<_>, _>>()?;
            writer.write_record(cells.iter().chain(&cells_of_tags).map(|cell| cell.as_bytes()))?;
        }
    }
    writer.flush()?;
    Ok(())
}

/// What a run says; `None`: its series says it.
fn of_run<'a>(column: &Column, listed: &'a Listed, key: &SeriesKey) -> Option<Cow<'a, str>> {
    let number = |number: Option<u64>| number.map_or(Cow::from(""), |number| number.to_string().into());
    if let Some(cell) = listed.circumstances.cell(column.name) {
        return Some(cell.into());
    }
    if let Some(place) = OF_RUN.iter().position(|(name, _)| *name == column.name) {
        return Some(number(listed.numbers[place]));
    }
    let dma = listed.dma.get(&SeriesKey { stage: None, ..*key });
    match column.name {
        "lost" => Some(number(listed.lost.get(&key.op).copied().flatten())),
        "statuses" => {
            let statuses = listed.statuses.get(&SeriesKey { stage: None, ..*key });
            Some(statuses.map_or(Cow::from(""), |statuses| status_list(statuses, ":", ";").into()))
        }
        "from_cma" => Some(number(dma.and_then(|sums| sums.from_cma))),
        "entries" => Some(number(dma.and_then(|sums| sums.entries))),
        "bounces" => Some(number(dma.and_then(|sums| sums.bounces))),
        "bounced_bytes" => Some(number(dma.and_then(|sums| sums.bounced_bytes))),
        _ => None,
    }
}

fn of_series<'a>(
    column: &Column,
    recording: &'a Aggregate,
    key: &'a SeriesKey,
    series: &'a Series,
) -> Result<Cow<'a, str>, ExportError> {
    written((column.value)(Row { recording, key, series }), Audience::Program)
}
