//! docs/performance.md: its tables are written by the commands that measure them.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::{command, place};

const DOCUMENT: &str = "docs/performance.md";

/// Puts a table between the marks of this name, with the commit that was measured.
///
/// # Errors
/// When the document has no such marks, or cannot be written.
pub fn write(name: &str, table: &str) -> Result<()> {
    let path = place::work_tree().join(DOCUMENT);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    let commit = command::output(Command::new("git").current_dir(place::work_tree()).args(["rev-parse", "--short", "HEAD"]))?;
    let text = replaced(&text, name, &format!("{table}\n\nMeasured at {}.", commit.trim()))?;
    fs::write(&path, text).with_context(|| format!("cannot write {DOCUMENT}"))
}

/// The numbers in the columns of a table's row, from the second on: those at the beginning of a cell.
///
/// # Errors
/// When the document has no such row.
pub fn row(first: &str) -> Result<Vec<f64>> {
    let path = place::work_tree().join(DOCUMENT);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
    numbers(&text, first).with_context(|| format!("{DOCUMENT} has no row {first:?}"))
}

fn numbers(text: &str, first: &str) -> Option<Vec<f64>> {
    let line = text.lines().find_map(|line| line.strip_prefix("| ")?.strip_prefix(first)?.strip_prefix(" | "))?;
    Some(line.split('|').filter_map(|cell| cell.split_whitespace().next()?.parse().ok()).collect())
}

fn replaced(text: &str, name: &str, with: &str) -> Result<String> {
    let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let marks = || format!("{DOCUMENT} has no place for {name:?}");
    let (before, rest) = text.split_once(&start).with_context(marks)?;
    let (_, after) = rest.split_once(&end).with_context(marks)?;
    Ok(format!("{before}{start}\n{with}\n\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = "a\n<!-- x -->\nold\n<!-- end of x -->\nb\n";
        assert_eq!(replaced(text, "x", "new").unwrap(), "a\n<!-- x -->\n\nnew\n\n<!-- end of x -->\nb\n");
        assert!(replaced(text, "y", "new").is_err());
    }

    #[test]
    fn a_row_gives_the_numbers_that_its_cells_begin_with() {
        let text = "| µs | a | b |\n| --- | --- | --- |\n| x (empty) | 7.00 | 8.00 |\n| x | 17.25 (+43 %) | 9.5 |\n";
        assert_eq!(numbers(text, "x"), Some(vec![17.25, 9.5]));
        assert_eq!(numbers(text, "y"), None);
    }
}
