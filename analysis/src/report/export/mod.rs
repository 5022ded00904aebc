//! Formats for other programs, a file for each.

pub mod csv;
mod error;
pub mod maps;

pub use error::ExportError;

use crate::series::Aggregate;

/// A format that a recording is exported in.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The name on the command line.
    pub name: &'static str,
    /// What it is, for the help text of an option.
    pub about: &'static str,
    /// Appends a recording in this format to the bytes.
    pub write: fn(&Aggregate, &mut Vec<u8>) -> Result<(), ExportError>,
}

/// A table for spreadsheets and scripts, with all columns.
pub const CSV: Format = Format { name: "csv", about: "One row per series", write: |aggregate, bytes| csv::csv(aggregate, bytes) };

/// All formats. A new one is a file in this folder, and its row here.
pub const FORMATS: &[Format] = &[CSV];
