//! The screen of live mappings.

use crate::screen::fixtures::{LARGE, SMALL, shown, with_ledger};
use crate::screen::views::MAPS;

#[test]
fn live_mappings_are_listed_by_age_and_suspects_are_marked() {
    insta::assert_snapshot!(shown(SMALL, with_ledger(), &[MAPS]));
    insta::assert_snapshot!(shown(LARGE, with_ledger(), &[MAPS]));
}
