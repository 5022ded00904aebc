//! docs/performance.md and others: their tables are written by what measures them.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::{command, place};

/// What all of it costs.
const PERFORMANCE: Document = Document("docs/performance.md");
/// Every program.
pub const PROBES: Document = Document("docs/probes.md");

/// What an importer with a device costs.
pub const IMPORTERS: Document = Document("docs/importers.md");

/// What DMA buffers are made of.
pub const DMA_BUFFERS: Document = Document("docs/dma-buffers.md");

/// A document, by its path.
#[derive(Debug, Clone, Copy)]
pub struct Document(&'static str);

impl Document {
    /// Puts a table between the marks of this name, with the commit that was measured.
    ///
    /// # Errors
    /// When the document has no such marks, or cannot be written.
    pub fn write(self, name: &str, table: &str) -> Result<()> {
        let commit = command::output(Command::new("git").current_dir(place::work_tree()).args(["rev-parse", "--short", "HEAD"]))?;
        let text = replaced(&self.read()?, name, &format!("{table}\n\nMeasured at {}.", commit.trim()));
        let text = text.with_context(|| format!("{} has no place for {name:?}", self.0))?;
        fs::write(place::work_tree().join(self.0), text).with_context(|| format!("cannot write {}", self.0))
    }

    /// The numbers in the columns of a table's row, from the second on: those at the beginning of a cell.
    ///
    /// # Errors
    /// When the document cannot be read, or has no such row.
    pub fn row(self, first: &str) -> Result<Vec<f64>> {
        numbers(&self.read()?, first).with_context(|| format!("{} has no row {first:?}", self.0))
    }

    fn read(self) -> Result<String> {
        fs::read_to_string(place::work_tree().join(self.0)).with_context(|| format!("cannot read {}", self.0))
    }
}

/// Puts a table into docs/performance.md.
///
/// # Errors
/// As [`Document::write`].
pub fn write(name: &str, table: &str) -> Result<()> {
    PERFORMANCE.write(name, table)
}

/// The numbers in a row of docs/performance.md.
///
/// # Errors
/// As [`Document::row`].
pub fn row(first: &str) -> Result<Vec<f64>> {
    PERFORMANCE.row(first)
}

fn numbers(text: &str, first: &str) -> Option<Vec<f64>> {
    let line = text.lines().find_map(|line| line.strip_prefix("| ")?.strip_prefix(first)?.strip_prefix(" | "))?;
    Some(line.split('|').filter_map(|cell| cell.split_whitespace().next()?.parse().ok()).collect())
}

fn replaced(text: &str, name: &str, with: &str) -> Option<String> {
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = text.split_once(&start)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{start}\n{with}\n\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n";
        assert_eq!(replaced(text, "x", "new").unwrap(), "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n");
        assert!(replaced(text, "y", "new").is_none());
    }

    #[test]
    fn a_row_gives_the_numbers_that_its_cells_begin_with() {
        let text = "| µs | a | b |\n| --- | --- | --- |\n| x (empty) | 7.00 | 8.00 |\n| x | 17.25 (+43 %) | 9.5 |\n";
        assert_eq!(numbers(text, "x"), Some(vec![17.25, 9.5]));
        assert_eq!(numbers(text, "y"), None);
    }
}
