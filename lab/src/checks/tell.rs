//! What a check says of what it saw: kept until the check is over, because another one may be talking at the same time.

use std::cell::RefCell;

thread_local! {
    static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Says a line: what was measured.
macro_rules! tell {
    ($($argument:tt)*) => { $crate::checks::tell::say(format!($($argument)*)) };
}

/// Keeps a line of the check that this thread runs.
pub fn say(line: String) {
    SAID.with_borrow_mut(|said| said.push(line));
}

/// All that the check of this thread said.
pub fn said() -> Vec<String> {
    SAID.take()
}
