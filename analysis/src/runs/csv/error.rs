//! What can be wrong with a results.csv.

use thiserror::Error;

use crate::shown::Shown;

/// What is wrong with a file.
#[derive(Debug, Error)]
pub enum CsvError {
    /// It is no CSV, or cannot be read.
    #[error("it is no results.csv: {0}")]
    Csv(#[from] csv::Error),

    /// It lacks columns.
    #[error("it is no results.csv: it has no column {}; `grantscope export` writes one", .0.join(", "))]
    Columns(Vec<&'static str>),

    /// The same column twice.
    #[error("it has two columns {}: which of them counts cannot be known; take one away", Shown(.0))]
    Doubled(String),

    /// A cell is none of what can stand there.
    #[error("line {line}, column {column}: {} is {problem}", Shown(.found))]
    Cell {
        /// Where.
        line: u64,
        /// In which column.
        column: &'static str,
        /// What is there.
        found: String,
        /// Why it cannot be.
        problem: String,
    },

    /// The same series twice.
    #[error(
        "line {line}: the same series is in an earlier line, of the same run; two files that were put together are to be given apart"
    )]
    Twice {
        /// Where.
        line: u64,
    },

    /// There is more than anybody has.
    #[error("it has more than {0}, which is more than a results.csv is read of")]
    TooMuch(String),
}
