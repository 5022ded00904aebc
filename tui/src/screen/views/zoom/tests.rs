//! Pictures of the selected row alone.

use crate::screen::command::Command;
use crate::screen::fixtures::{LARGE, SMALL, failing, shown};
use crate::screen::views::ZOOM;
use crate::support::synthetic;

#[test]
fn a_row_that_failed_says_why_in_words() {
    let zoomed = shown(LARGE, failing(), &[ZOOM]);
    assert!(zoomed.contains("grants_refused 2 × (bad_gntref 4, no_space 2): Xen refused at least one grant"), "{zoomed}");
}

#[test]
fn the_selected_row_alone() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[ZOOM]));
    insta::assert_snapshot!(shown(LARGE, synthetic::frames(6), &[Command::Last, ZOOM]));
}
