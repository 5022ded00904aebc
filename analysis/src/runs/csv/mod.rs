//! Runs from a results.csv (docs/results.md): the same series, histograms and circumstances as of the recording that it was made of.
//!
//! Columns are found by their names, so that files of other versions are read. Tags (`tag_board`) tell runs apart as circumstances do;
//! further columns that somebody has added are passed over, and named. What a file does not say exactly: what was subtracted, of which it
//! has the mean; the shortest and the longest of several page counts together; what was lost of operations that have no row; and how it was
//! recorded (`detail`, `attach`). Text is as the file has it: with control characters escaped, and with the `'` of `--spreadsheet`.

mod error;
mod histogram;
mod listed;
mod row;

use std::collections::BTreeMap;
use std::io::Read;

pub use error::CsvError;
pub use listed::{Circumstances, Listed, OF_RUN, TAG, named_circumstances};
use row::{Columns, Row};

use super::{Fact, Run};
use crate::series::Subtracted;

/// A run of 20,000 series is a file of 40 MB.
const MOST_BYTES: u64 = 1 << 28;
const MOST_ROWS: usize = 1_000_000;
/// The known ones, and many tags.
const MOST_COLUMNS: usize = 256;
/// Buckets that are not empty, in all histograms together: 64 MiB. A few hundred bytes can be a histogram of 56,320; a series has a few dozen.
pub const MOST_BUCKETS: usize = 1 << 23;

/// What a file has.
#[derive(Debug)]
pub struct Table {
    /// Its runs, in the order of their circumstances.
    pub runs: Vec<Listed>,
    /// Columns that are none of a results.csv, nor tags.
    pub passed_over: Vec<String>,
}

/// Reads all runs of a file, in the order of their circumstances.
///
/// # Errors
/// It is no such file, or is damaged.
pub fn read(input: impl Read) -> Result<Vec<Run>, CsvError> {
    Ok(table(input)?.runs.into_iter().map(|listed| listed.run).collect())
}

/// The same, with all else that it says of them.
///
/// # Errors
/// It is no such file, or is damaged.
pub fn table(input: impl Read) -> Result<Table, CsvError> {
    let mut input = input.take(MOST_BYTES + 1);
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(&mut input);
    let columns = Columns::of(reader.headers()?, MOST_COLUMNS)?;
    let mut runs: BTreeMap<Circumstances, Listed> = BTreeMap::new();
    let mut record = csv::StringRecord::new();
    let (mut rows, mut buckets) = (0, 0);
    while reader.read_record(&mut record)? {
        rows += 1;
        if rows > MOST_ROWS {
            return Err(CsvError::TooMuch(format!("{MOST_ROWS} lines")));
        }
        let row = Row { columns: &columns, record: &record };
        let circumstances = row.circumstances();
        let listed = match runs.get_mut(&circumstances) {
            Some(listed) => listed,
            None => {
                let listed = row.begin(circumstances.clone())?;
                runs.entry(circumstances).or_insert(listed)
            }
        };
        buckets += row.add_to(listed)?;
        if buckets > MOST_BUCKETS {
            return Err(CsvError::TooMuch(format!("{MOST_BUCKETS} buckets in all histograms together")));
        }
    }
    if reader.into_inner().limit() == 0 {
        return Err(CsvError::TooMuch(format!("{} MiB", MOST_BYTES >> 20)));
    }
    let mut runs: Vec<_> = runs.into_values().collect();
    runs.iter_mut().for_each(|listed| say_times(&mut listed.run));
    Ok(Table { runs, passed_over: columns.passed_over })
}

/// Whether times are corrected is of all operations together.
pub(crate) fn say_times(run: &mut Run) {
    let mut all = Subtracted::default();
    let mut count = 0_u64;
    for series in run.series.iter().filter(|(key, _)| key.stage.is_none()).map(|(_, series)| series) {
        all.add(series.subtracted());
        count = count.saturating_add(series.count());
    }
    if count > 0 {
        run.facts.0.insert(Fact::Times, all.extent(count).name().to_owned());
    }
}

#[cfg(test)]
mod tests;
