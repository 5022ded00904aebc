//! Who an export is for.

/// Who reads an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Audience {
    /// A program that takes text for text.
    #[default]
    Program,
    /// A spreadsheet, which takes text that begins like a formula for one, and runs it.
    Spreadsheet,
}
