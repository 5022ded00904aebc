//! What the viewer does with events.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use grantscope_analysis::column::{COLUMNS, place};
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::Times;
use grantscope_wire::{Buffer, HookId, LossKind};

use crate::screen::app::{App, Quit};
use crate::screen::command::{Command, ViewId};
use crate::screen::event::Event;
use crate::screen::fixtures::{LEAST, S, calibration, export, feed, operations, picture, press, replay, state, viewer};
use crate::screen::views::{COMPARE, HELP};
use crate::source::frames::{Ended, Origin};
use crate::support::builder::loss;
use crate::support::synthetic;

#[test]
fn a_paused_display_stands_still_while_data_is_read_on() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    press(&mut state, &[Command::Pause]);
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 99)]));
    assert_eq!(
        (state.common().listing.rows()[0].count, state.common().listing.rows()[0].cells[place(COLUMNS, "max_ns")].number()),
        (1, Some(10.0))
    );
    assert_eq!(state.common().all_data().aggregate.operations(), 2);
    press(&mut state, &[Command::Pause]);
    assert_eq!(
        (state.common().listing.rows()[0].count, state.common().listing.rows()[0].cells[place(COLUMNS, "max_ns")].number()),
        (2, Some(99.0))
    );
}

#[test]
fn a_reset_forgets_operations_but_not_what_was_lost() {
    let lost = loss(2 * S, HookId::GntdevIoctl, LossKind::RingFull, 7);
    let mut state = state([operations(vec![export(Buffer::Wc, 1, 10)]), vec![lost]].concat());
    press(&mut state, &[Command::Reset]);
    assert!(state.common().listing.rows().is_empty());
    assert_eq!((state.common().data().errors, state.common().data().aggregate.loss().operations()), (0, 7));
    assert!(state.common().data().aggregate.environment().is_some());
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 20)]));
    assert_eq!(state.common().listing.rows()[0].cells[place(COLUMNS, "max_ns")].number(), Some(20.0));
}

#[test]
fn a_recording_that_has_ended_is_not_forgotten() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    state.update(Event::StreamEnded(Ended::Complete));
    press(&mut state, &[Command::Reset]);
    assert_eq!(state.common().listing.rows().len(), 1);
    let screen = picture((100, 30), &state);
    assert!(screen.contains("not reset: the recording has ended, and nothing would come after that"), "{screen}");
    press(&mut state, &[Command::Down]);
    assert_eq!(state.common().notice, None);
}

#[test]
fn pasted_text_is_no_keys() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    state.update(Event::Paste("q".to_owned()));
    assert!(picture((100, 30), &state).contains("pasted text is ignored"));
}

/// The first line.
fn health(state: &App) -> String {
    picture((100, 30), state).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_replay_is_held_stepped_and_played_at_another_speed_and_says_where_it_is() {
    let mut app = replay(Some(5_690_000_000), 2_200_000_000);
    let tick = |at_ns| Event::Frame(Frame::Tick { at_ns });
    assert!(health(&app).contains(r"a\u{1b}b.gsr · REPLAY · ") && health(&app).contains("1.20 / 5.69 s"), "{}", health(&app));
    press(&mut app, &[Command::Pause]);
    assert!(app.takes(&tick(2_200_000_000)) && !app.takes(&tick(2_200_000_001)));
    press(&mut app, &[Command::Faster, Command::Faster, Command::Step]);
    assert!(app.takes(&tick(2_300_000_000)) && !app.takes(&tick(2_300_000_001)));
    assert!(health(&app).contains("REPLAY 4×, PAUSED · ") && health(&app).contains("1.30 / 5.69 s"), "{}", health(&app));
    press(&mut app, &[Command::Pause]);
    assert!(app.takes(&tick(u64::MAX)) && !app.common().is_paused());
    app.update(Event::StreamEnded(Ended::Complete));
    press(&mut app, &[Command::Pause]);
    assert!(!app.common().is_paused() && app.common().notice.is_some());
}

#[test]
fn the_length_of_a_recording_without_an_end_is_not_known() {
    assert!(health(&replay(None, 2_200_000_000)).contains("1.20 s of ?"));
}

#[test]
fn a_held_display_says_how_much_came_meanwhile() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    press(&mut state, &[Command::Pause, Command::Step, Command::Faster]);
    assert_eq!(state.common().notice.as_deref(), Some("only a recording that is played has a speed"));
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 99); 3]));
    assert!(health(&state).contains("LIVE, PAUSED, 3 operations meanwhile"), "{}", health(&state));
}

#[test]
fn escape_goes_one_step_back_and_does_not_quit() {
    let mut state = state(Vec::new());
    press(&mut state, &[COMPARE, HELP, Command::Back]);
    assert_eq!(state.view().1.id, ViewId("compare"));
    press(&mut state, &[Command::Back]);
    assert_eq!((state.view().1.id, state.quit()), (ViewId("table"), None));
    press(&mut state, &[Command::Back]);
    assert_eq!((state.quit(), state.common().notice.as_deref()), (None, Some("this is the first view; q quits")));
}

#[test]
fn silence_is_counted_from_the_last_frame() {
    let mut state = state(Vec::new());
    state.update(Event::Tick(Duration::from_secs(5)));
    assert_eq!(state.common().connection.silent_for(), Duration::from_secs(5));
    state.update(Event::Frame(Frame::Tick { at_ns: S }));
    state.update(Event::Tick(Duration::from_secs(6)));
    assert_eq!(state.common().connection.silent_for(), Duration::ZERO);
}

#[test]
fn a_stream_that_is_not_a_recording_ends_the_viewer_with_the_reason() {
    let mut state = App::new(Origin::Live, Times::Corrected);
    state.update(Event::StreamEnded(Ended::Unreadable("not ours".to_owned())));
    assert_eq!(state.quit(), Some(&Quit::Failed("not ours".to_owned())));
}

#[test]
fn the_viewer_stays_open_when_the_stream_ends() {
    let mut state = state(synthetic::complete(1));
    state.update(Event::StreamEnded(Ended::Complete));
    assert_eq!((state.quit(), state.common().ended()), (None, Some(&Ended::Complete)));
}

/// The longest of the first row, and all time of its first stage.
fn shown(state: &App) -> (Option<f64>, Option<f64>) {
    let listing = &state.common().listing;
    let stage = listing.detail().and_then(|detail| detail.stages.first()?.mean_ns);
    (listing.rows()[0].cells[place(COLUMNS, "max_ns")].number(), stage)
}

#[test]
fn a_key_shows_times_as_they_were_measured_and_again_without_the_probes_own() {
    let mut state = state([vec![calibration(10)], operations(vec![export(Buffer::Wc, 1, 100)])].concat());
    let (corrected, raw) = ((Some(90.0), Some(90.0)), (Some(100.0), Some(100.0)));
    assert_eq!(shown(&state), corrected);
    press(&mut state, &[Command::OtherTimes]);
    assert_eq!(shown(&state), raw);
    // What is held is shown with the same times, and so is what is read on.
    press(&mut state, &[Command::Pause]);
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 300)]));
    assert_eq!(shown(&state), raw);
    press(&mut state, &[Command::OtherTimes]);
    assert_eq!(shown(&state), corrected);
    press(&mut state, &[Command::Pause]);
    assert_eq!(shown(&state), (Some(290.0), Some(190.0)));
}

#[test]
fn after_a_reset_times_are_what_they_were_and_the_probes_cost_is_still_known() {
    let mut state = state([vec![calibration(10)], operations(vec![export(Buffer::Wc, 1, 100)])].concat());
    press(&mut state, &[Command::OtherTimes, Command::Reset]);
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 50)]));
    assert_eq!(shown(&state).0, Some(50.0));
    press(&mut state, &[Command::OtherTimes]);
    assert_eq!(shown(&state).0, Some(40.0));
}

#[test]
fn who_asks_for_raw_times_sees_them_at_once_and_can_still_choose() {
    let mut state = App::new(Origin::Live, Times::Raw);
    let frames = [vec![calibration(10)], operations(vec![export(Buffer::Wc, 1, 100)])].concat();
    feed(&mut state, frames);
    assert_eq!(shown(&state).0, Some(100.0));
    press(&mut state, &[Command::OtherTimes]);
    assert_eq!(shown(&state).0, Some(90.0));
}

#[test]
fn control_c_quits_also_while_something_is_typed() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    press(&mut state, &[Command::Filter]);
    state.update(Event::Typed(KeyCode::Char('c').into()));
    assert_eq!(state.quit(), None);
    state.update(Event::Typed(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    assert!(state.quit().is_some());
}

#[test]
fn what_is_wrong_with_a_text_says_that_its_end_has_no_room() {
    let mut state = viewer(LEAST, operations(vec![export(Buffer::Wc, 1, 10)]), &[Command::Filter]);
    "nothing".chars().for_each(|letter| state.update(Event::Typed(KeyCode::Char(letter).into())));
    let screen = picture(LEAST, &state);
    let last = screen.trim_end().lines().last().unwrap();
    assert!(screen.contains("is no operation") && last.ends_with('…'), "{screen}");
}
