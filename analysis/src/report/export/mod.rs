//! Formats for other programs: a file for each, and the table from which `grantscope export` takes those of a recording's series.

mod audience;
pub mod csv;
mod error;
pub mod maps;
mod merged;

use std::io::Write;

pub use self::audience::Audience;
pub use self::error::ExportError;
pub use self::merged::merged;
use crate::series::Aggregate;

/// A format of a recording's series.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// A line of the help text.
    pub about: &'static str,
    /// Writes all series, for this reader.
    pub write: fn(&Aggregate, Audience, &mut dyn Write) -> Result<(), ExportError>,
}

/// Comma-separated values.
pub const CSV: Format =
    Format { name: "csv", about: "One row per series", write: |aggregate, audience, out| csv::csv(aggregate, audience, out) };

/// All formats, in the order of the help text. A new one is a file in this folder, and its row here.
pub const FORMATS: &[Format] = &[CSV];
