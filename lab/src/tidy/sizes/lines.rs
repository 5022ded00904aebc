//! How many lines of a file are code, and whether it is a table.

use syn::{Item, spanned::Spanned};

use crate::tidy::{
    syntax::{attributes, is_test},
    tree::File,
};

/// The lines of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Lines {
    /// All of them.
    pub all: usize,
    /// Those outside of its tests; none in a file that is only tests.
    pub code: usize,
    /// Whether one item has nine tenths of the code.
    pub is_table: bool,
}

/// Counts them.
pub fn of(file: &File, parsed: &syn::File) -> Lines {
    let all = file.text.lines().count();
    if is_only_tests(&file.path) {
        return Lines { all, code: 0, is_table: false };
    }
    let tests: usize = parsed.items.iter().filter(|item| is_test(attributes(item))).map(length).sum();
    let code = all - tests;
    let largest = parsed.items.iter().filter(|item| can_be_table(item)).map(length).max().unwrap_or(0);
    Lines { all, code, is_table: largest * 10 >= code * 9 }
}

/// By its name: a module `tests` of its own, or an integration test.
fn is_only_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn length(item: &Item) -> usize {
    let span = item.span();
    // The span begins with the attributes and documents.
    span.end().line + 1 - span.start().line
}

fn can_be_table(item: &Item) -> bool {
    matches!(item, Item::Macro(_) | Item::Const(_) | Item::Static(_) | Item::Enum(_)) && !is_test(attributes(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Lines {
        let file = File::new(path, text).unwrap();
        of(&file, file.rust.as_ref().unwrap())
    }

    #[test]
    fn tests_are_no_code() {
        let text = "//! x\n\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn g() {}\n}\n";
        assert_eq!(lines("a.rs", text), Lines { all: 9, code: 4, is_table: false });
        assert_eq!(lines("a/tests.rs", text).code, 0);
        assert_eq!(lines("a/tests/b.rs", text).code, 0);
    }

    #[test]
    fn a_file_that_is_one_constant_is_a_table_and_one_with_a_function_beside_it_is_none() {
        let table = format!("//! x\nconst T: &[u32] = &[\n{}];\n", "    1,\n".repeat(40));
        assert!(lines("a.rs", &table).is_table);
        assert!(!lines("a.rs", &format!("{table}fn f() {{\n{}}}\n", "    g();\n".repeat(10))).is_table);
    }
}
