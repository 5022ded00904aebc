//! The table: its layouts, and pictures.

use super::state::{Panes, Table};
use crate::screen::command::Command;
use crate::screen::fixtures::{LARGE, SMALL, common, failing, shown};
use crate::support::synthetic;

#[test]
fn the_lower_half_goes_through_all_its_layouts() {
    let (mut common, mut table) = (common(Vec::new()), Table::default());
    let mut seen = vec![table.panes];
    for _ in 0..4 {
        table.command(Command::NextPane, &mut common);
        seen.push(table.panes);
    }
    assert_eq!(seen, [Panes::Both, Panes::Histogram, Panes::Stages, Panes::Neither, Panes::Both]);
}

#[test]
fn a_row_that_failed_says_why() {
    let screen = shown(SMALL, failing(), &[]);
    assert!(screen.contains("why: grants_refused 2 × (bad_gntref 4, no_space 2), already_mapped 1 ×"), "{screen}");
}

#[test]
fn the_table_at_80_columns() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[]));
}

#[test]
fn the_table_at_120_columns() {
    insta::assert_snapshot!(shown(LARGE, synthetic::frames(6), &[]));
}

#[test]
fn the_table_at_200_columns() {
    insta::assert_snapshot!(shown((200, 50), synthetic::frames(6), &[Command::MergePages]));
}

#[test]
fn the_table_at_the_smallest_size() {
    insta::assert_snapshot!(shown((60, 16), synthetic::frames(6), &[]));
}

#[test]
fn another_row_is_selected_and_sorted_by_p99() {
    let commands = [Command::Sort, Command::Sort, Command::Sort, Command::Sort, Command::Sort, Command::Down, Command::Down];
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &commands));
}

#[test]
fn the_stages_alone_below_the_table() {
    insta::assert_snapshot!(shown(SMALL, synthetic::frames(6), &[Command::NextPane, Command::NextPane]));
}
