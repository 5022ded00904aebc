//! The help screen.

use crate::screen::fixtures::{LARGE, SMALL, shown};
use crate::screen::views::HELP;

#[test]
fn the_help_names_all_keys() {
    insta::assert_snapshot!(shown(SMALL, Vec::new(), &[HELP]));
    insta::assert_snapshot!(shown(LARGE, Vec::new(), &[HELP]));
}
