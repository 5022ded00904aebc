//! Files have at most 500 lines of code, 700 with their tests; a file that is only tests has at most 700. A function has at most 80.
//!
//! Lines inside a string, such as a snapshot or a shell script, do not count in a function. Tables may be longer:
//! * a function whose whole body is one literal (an array, a struct, a string, a macro call), or one `match` of which no arm has more
//!   than [`ARM_LINES`] lines;
//! * a file of which one macro call, constant or enum has nine tenths of the lines.

mod functions;
mod lines;

use anyhow::Result;

use super::tree::Tree;

/// The most lines of a file outside of its tests.
const CODE_LINES: usize = 500;
/// The most lines of a file with its tests, and of one that is only tests.
const FILE_LINES: usize = 700;
/// The most lines of a function, from its `fn` to its end.
const FUNCTION_LINES: usize = 80;
/// The most lines of one arm of a `match` that is a table.
const ARM_LINES: usize = 10;

/// Files and functions that are longer.
pub fn findings(tree: &Tree) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (file, parsed) in tree.rust() {
        let path = &file.path;
        let lines = lines::of(file, parsed);
        if lines.code > CODE_LINES && !lines.is_table {
            found.push(format!(
                "{path}: {} lines of code, and at most {CODE_LINES} are read in one go: move one of its subjects to a file of its own",
                lines.code
            ));
        }
        if lines.all > FILE_LINES && !lines.is_table {
            found.push(format!(
                "{path}: {} lines with its tests, at most {FILE_LINES}: move the tests of one subject to a file of their own",
                lines.all
            ));
        }
        for function in functions::longer_than(parsed, FUNCTION_LINES, ARM_LINES) {
            found.push(format!(
                "{path}:{}: the function {} has {} lines, at most {FUNCTION_LINES}: give one of its steps a name and a function",
                function.line, function.name, function.lines
            ));
        }
    }
    Ok(found)
}
