//! The formats of a report: one for people, one for programs.

use clap::ValueEnum;

/// A format of `maps` and `doctor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For a person
    Text,
    /// For a program
    Json,
}
