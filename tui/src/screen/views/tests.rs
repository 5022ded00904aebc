//! The registry and the keys agree.

use std::collections::HashSet;

use crossterm::event::KeyCode::{BackTab, F, Tab};
use crossterm::event::{KeyEvent, KeyEventKind, KeyModifiers};

use grantscope_analysis::model::Phase;
use grantscope_analysis::recording::{Frame, Reader};
use grantscope_analysis::series::{Phases, SeriesKey, Wanted};
use grantscope_wire::Buffer;

use super::*;
use crate::screen::command::Command::{Number, PreviousView, QuitAtOnce};
use crate::screen::event::Event;
use crate::screen::fixtures::{LEAST, SMALL, export, picture, viewer_of};
use crate::source::frames::Ended;

#[test]
fn no_key_means_two_things() {
    let keys = keys();
    let all: Vec<_> = keys.all().iter().flat_map(|bound| &bound.keys).collect();
    assert_eq!(all.len(), all.iter().collect::<HashSet<_>>().len());
}

#[test]
fn every_view_has_a_name_of_its_own_and_all_but_the_table_a_key_that_opens_it() {
    for (index, row) in VIEWS.iter().enumerate() {
        assert_eq!(super::index(row.id), index, "{:?}", row.id);
        assert_eq!(row.key.map(|key| key.command), (index != BASE).then_some(Open(row.id)));
    }
}

#[test]
fn every_command_of_a_footer_has_a_key() {
    let keys = keys();
    for command in VIEWS.iter().flat_map(|row| row.footer) {
        assert_eq!(keys.of(*command).command, *command);
    }
}

#[test]
fn control_c_quits_at_once_and_c_compares() {
    let key = |modifiers| keys().command(KeyEvent::new(Char('c'), modifiers));
    assert_eq!(key(KeyModifiers::CONTROL), Some(QuitAtOnce));
    assert_eq!(key(KeyModifiers::NONE), Some(COMPARE));
}

#[test]
fn digits_and_tabs_open_views() {
    let key = |code| keys().command(KeyEvent::new(code, KeyModifiers::NONE));
    assert_eq!(
        (key(Char('3')), key(Tab), key(BackTab), key(F(1))),
        (Some(Number(3)), Some(NextView), Some(PreviousView), Some(HELP))
    );
}

#[test]
fn other_control_keys_do_nothing() {
    assert_eq!(keys().command(KeyEvent::new(Char('q'), KeyModifiers::CONTROL)), None);
}

#[test]
fn letting_go_of_a_key_does_nothing() {
    let key = KeyEvent::new_with_kind(Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
    assert_eq!(keys().command(key), None);
}

/// Every view as the least terminal, one of the usual size and a large one show it, of the recording that is in the documents.
#[test]
fn every_view_shows_a_real_recording() {
    let mut reader = Reader::open(&include_bytes!("../../../../docs/recordings/sweep.gsr")[..]).unwrap();
    let frames: Vec<Frame> = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
    let measured = Wanted { phases: Phases::Only(Phase::Measured), ..Wanted::default() };
    for size in [LEAST, SMALL, (160, 48)] {
        let mut app = viewer_of(measured, size, frames.clone(), &[]);
        app.update(Event::StreamEnded(Ended::Complete));
        // An operation of DMA memory, of which there is something to say.
        let export = SeriesKey::total(&export(Buffer::Wc, 256, 0), None);
        while app.common().listing.detail().is_none_or(|row| (row.group.op, row.group.buffer) != (export.op, export.buffer)) {
            app.update(Event::Key(Down));
        }
        for (place, row) in VIEWS.iter().enumerate() {
            app.update(Event::Key(Number(place + 1)));
            let name = format!("{}-{}x{}", row.id.0, size.0, size.1);
            insta::assert_snapshot!(name, picture(size, &app));
            app.update(Event::Key(Number(1)));
        }
    }
}
