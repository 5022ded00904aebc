//! Keys that are changed, and what that leaves of the others.

use std::collections::HashSet;

use crossterm::event::KeyModifiers;

use super::*;
use crate::screen::fixtures::{LARGE, LEAST, picture, press, sweep, troubled, viewer};
use crate::screen::views::{self, HELP};

fn changed(wanted: &[(&str, &[&str])]) -> Keys {
    let keys = |keys: &[&str]| keys.iter().map(|key| key.parse().unwrap()).collect();
    let wanted: Vec<_> = wanted.iter().map(|(name, all)| ((*name).to_owned(), keys(all))).collect();
    views::keys().changed(&wanted)
}

fn pressed(keys: &Keys, code: KeyCode, modifiers: KeyModifiers) -> Option<Command> {
    keys.command(KeyEvent::new(code, modifiers))
}

#[test]
fn every_command_has_a_name_of_its_own() {
    let keys = views::keys();
    assert_eq!(keys.all().len(), keys.all().iter().map(Bound::name).collect::<HashSet<_>>().len());
    let is_bare = |name: String| name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
    assert!(keys.all().iter().all(|bound| is_bare(bound.name())), "a name must be a key of TOML without quotes");
}

#[test]
fn a_key_that_is_given_to_a_command_is_taken_from_all_others() {
    let keys = changed(&[("filter", &["Ctrl-f", "/"]), ("sort", &["G"])]);
    assert_eq!(pressed(&keys, Char('f'), KeyModifiers::CONTROL), Some(Command::Filter));
    assert_eq!(pressed(&keys, Char('f'), KeyModifiers::NONE), None);
    assert_eq!(pressed(&keys, Char('s'), KeyModifiers::NONE), None);
    assert_eq!(pressed(&keys, Char('G'), KeyModifiers::SHIFT), Some(Command::Sort));
    let shown = |command| keys.shown(command).to_owned();
    assert_eq!(
        [Command::Filter, Command::PageDown, Command::Last, Command::Sort].map(shown),
        ["Ctrl-f /", "PgDn Ctrl-d", "End", "G"]
    );
    assert_eq!(keys.of(Command::PageDown).lost(), ["Ctrl-f".parse().unwrap()]);
}

#[test]
fn a_command_can_be_left_without_a_key() {
    let keys = changed(&[("sort", &["i"]), ("copy", &[])]);
    let (info, copy) = (views::INFO, Command::Copy);
    assert_eq!((keys.shown(info), keys.first(info), keys.shown(copy)), ("no key", None, "no key"));
    assert_eq!(pressed(&keys, Char('y'), KeyModifiers::NONE), None);
}

#[test]
fn the_keys_that_are_built_in_change_nothing_when_they_are_given() {
    let keys = views::keys();
    let wanted: Vec<_> = keys.all().iter().map(|bound| (bound.name(), bound.keys.clone())).collect();
    assert_eq!(keys.clone().changed(&wanted), keys);
    assert_eq!(keys.shown(HELP), "? F1");
}

#[test]
fn footer_header_and_help_show_the_keys_that_are_in_force() {
    let wanted: &[(&str, &[&str])] =
        &[("quit", &["Q", "x"]), ("up", &["w"]), ("down", &["PgDn"]), ("info", &["F5"]), ("probes", &[]), ("help", &["F2"])];
    let mut app = viewer(LARGE, troubled(), &[]).with_keys(changed(wanted));
    let table = picture(LARGE, &app);
    let footer = table.lines().last().unwrap();
    assert!(footer.starts_with("Q quit  F2 help  w PgDn row  ") && !footer.contains("q quit"), "{footer}");
    assert!(table.contains("(F5: which)"), "{table}");
    press(&mut app, &[HELP]);
    let help = picture((120, 200), &app);
    let line = |words: &str| help.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {help}"));
    assert!(line("quit, and print the summary").trim_start().starts_with("Q x "), "{help}");
    assert!(line("what watching costs").trim_start().starts_with("no key "), "{help}");
    assert!(line("are in no number here").contains("(no key: where and why)"), "{help}");
}

#[test]
fn stages_without_room_name_the_key_in_force() {
    let only_stages = [Command::NextPane, Command::NextPane];
    let app = viewer(LEAST, sweep(), &only_stages).with_keys(changed(&[("where", &["F6"])]));
    let table = picture(LEAST, &app);
    assert!(table.contains(" more (F6)"), "{table}");
}

#[test]
fn a_command_without_a_key_is_not_in_the_footer() {
    let app = viewer(LARGE, troubled(), &[]).with_keys(changed(&[("filter", &[]), ("up", &[]), ("down", &[])]));
    let table = picture(LARGE, &app);
    let footer = table.lines().last().unwrap();
    assert!(footer.starts_with("q quit  ? help  Enter ") && !footer.contains("filter"), "{footer}");
}
