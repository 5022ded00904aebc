//! What a check reports of what it measured: kept until the check is over, because another one may report at the same time.

use std::cell::RefCell;

thread_local! {
    static NOTES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Notes a line: what was measured.
macro_rules! note {
    ($($argument:tt)*) => { $crate::checks::notes::add(format!($($argument)*)) };
}

/// Keeps a line of the check that this thread runs.
pub fn add(line: String) {
    NOTES.with_borrow_mut(|notes| notes.push(line));
}

/// All notes of the check that this thread runs.
pub fn take() -> Vec<String> {
    NOTES.take()
}
