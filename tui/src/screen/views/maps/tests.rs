//! The screen of live mappings.

use crate::screen::fixtures::{LARGE, LEAST, SMALL, shown, with_ledger};
use crate::screen::views::MAPS;

#[test]
fn suspects_come_first_and_the_rest_by_age() {
    insta::assert_snapshot!(shown(SMALL, with_ledger(), &[MAPS]));
    insta::assert_snapshot!(shown(LARGE, with_ledger(), &[MAPS]));
}

#[test]
fn suspects_are_seen_on_the_least_terminal_without_a_key() {
    let screen = shown(LEAST, with_ledger(), &[MAPS]);
    assert!(screen.contains("LEAK SUSPECT:"), "{screen}");
    let first_entry = screen.lines().nth(2).unwrap();
    assert!(first_entry.contains("backend [73]"), "{screen}");
}
