//! Every Rust file begins with `//!` and its purpose, in the first line.

use anyhow::Result;

use super::tree::{File, Tree};

/// The Rust files that do not.
pub fn findings(tree: &Tree) -> Result<Vec<String>> {
    Ok(tree.rust().filter_map(|(file, _)| finding(file)).collect())
}

fn finding(file: &File) -> Option<String> {
    let first = file.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|rest| !rest.trim().is_empty());
    (!says).then(|| format!("{}:1: begin the file with `//!` and what it does", file.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_first_line_that_says_what_it_does_is_named() {
        let found = |text: &str| finding(&File::new("a/b.rs", text).unwrap());
        assert_eq!(found("//! Adds up.\n\nfn f() {}\n"), None);
        for text in ["", "fn f() {}\n", "//!\n", "// Adds up.\n", "\n//! Adds up.\n", "#![no_std]\n"] {
            assert_eq!(found(text).unwrap(), "a/b.rs:1: begin the file with `//!` and what it does");
        }
    }
}
