//! A comparison for people and for programs. The same comparison gives the same bytes: no times of day, no paths.

mod decision;
mod json;
mod markdown;
mod table;
mod text;
pub mod words;

pub use decision::Decision;

/// A format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Writes several decisions.
    pub write: fn(&[Decision<'_>]) -> String,
}

/// For a terminal.
pub const TEXT: Format = Format { name: "text", about: "a table for a terminal: the worst first", write: text::write };

/// All formats.
pub const FORMATS: &[Format] = &[
    TEXT,
    Format { name: "markdown", about: "for a pull request", write: markdown::write },
    Format { name: "json", about: "for programs: docs/compare.schema.json says what is in it", write: json::write },
    Format { name: "csv", about: "a line for each quantile of each series", write: table::write },
];
