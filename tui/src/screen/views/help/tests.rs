//! The help screen.

use grantscope_wire::{Buffer, Cause, Op, Stage};

use crate::screen::fixtures::{LARGE, SMALL, shown};
use crate::screen::views::HELP;

#[test]
fn the_help_names_all_keys() {
    insta::assert_snapshot!(shown(SMALL, Vec::new(), &[HELP]));
    insta::assert_snapshot!(shown(LARGE, Vec::new(), &[HELP]));
}

#[test]
fn every_word_of_the_tables_is_in_the_help() {
    let help = shown((200, 400), Vec::new(), &[HELP]);
    let operations = Op::ALL.iter().map(|op| op.about());
    let abouts =
        operations.chain(Stage::ALL.iter().map(|stage| stage.about())).chain(Cause::ALL.iter().map(|cause| cause.about()));
    for about in abouts.chain(Buffer::ALL.iter().map(|buffer| buffer.about())) {
        assert!(help.contains(about), "{about}");
    }
    for word in ["errors", "held", "lost", "max"] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(word)), "{word}");
    }
}
