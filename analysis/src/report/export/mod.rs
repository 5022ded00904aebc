//! Formats for other programs: a file for each, and the table from which `grantscope export` takes those of a recording.

mod audience;
pub mod csv;
mod error;
pub mod maps;
mod marks;
mod merged;

use std::io::Write;

pub use self::audience::Audience;
pub use self::error::ExportError;
pub use self::merged::merged;
use crate::series::Aggregate;

/// A format of what is in a recording.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// A line of the help text.
    pub about: &'static str,
    /// Writes it, for this reader.
    pub write: fn(&Aggregate, Audience, &mut dyn Write) -> Result<(), ExportError>,
}

/// Comma-separated values.
pub const CSV: Format =
    Format { name: "csv", about: "One row per series", write: |aggregate, audience, out| csv::csv(aggregate, audience, out) };

/// Comma-separated values of the marks.
pub const MARKS: Format = Format {
    name: "marks",
    about: "CSV, one row per mark: which name was given to which time",
    write: |aggregate, audience, out| marks::csv(aggregate, audience, out),
};

/// All formats, in the order of the help text. A new one is a file in this folder, and its row here.
pub const FORMATS: &[Format] = &[CSV, MARKS];
