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
}
