//! The screen of the recording, its losses and its hooks.

use super::lines;
use crate::screen::command::Command;
use crate::screen::fixtures::{LARGE, SMALL, common, picture, press, shown, state, troubled, viewer};
use crate::screen::view::View;
use crate::screen::views::INFO;
use crate::screen::views::text_view::TextView;

#[test]
fn a_screen_of_text_scrolls_to_its_end_and_no_further() {
    let (mut common, mut info) = (common(Vec::new()), TextView::of(lines));
    info.refresh(&common);
    info.command(Command::Last, &mut common);
    assert_eq!(info.seen().len(), 30 - 2);
    info.command(Command::Down, &mut common);
    info.command(Command::Up, &mut common);
    assert_eq!(info.seen().len(), 30 - 2 + 1);
}

#[test]
fn it_begins_at_its_first_line_each_time() {
    let mut state = state(Vec::new());
    press(&mut state, &[INFO]);
    let first = state.view().0.extent(10);
    press(&mut state, &[Command::Last, INFO, INFO]);
    assert_eq!(state.view().0.extent(10), first);
}

#[test]
fn the_info_screen_names_what_is_lost_and_what_is_missing() {
    insta::assert_snapshot!(shown(SMALL, troubled(), &[INFO]));
    insta::assert_snapshot!(shown(LARGE, troubled(), &[INFO]));
}

#[test]
fn the_file_that_changes_keys_is_named_where_one_was_read() {
    let seen = |file: Option<&str>| {
        let mut app = viewer(LARGE, troubled(), &[]).configured_by(file.map(str::to_owned));
        press(&mut app, &[INFO]);
        picture(LARGE, &app)
    };
    assert!(seen(Some("/c\u{1b}.toml")).contains("and colours by /c\\u{1b}.toml\n"), "{}", seen(Some("/c\u{1b}.toml")));
    assert!(!seen(None).contains("colours by"));
}
