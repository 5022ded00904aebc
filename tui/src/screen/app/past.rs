//! The past of a recording in a file, in all views.

use std::path::Path;
use std::time::Duration;

use grantscope_analysis::series::Times;
use grantscope_wire::Buffer;

use crate::screen::app::App;
use crate::screen::command::{Command, Travel, ViewId};
use crate::screen::event::{Event, Size};
use crate::screen::fixtures::{export, operations, picture, press, state};
use crate::screen::past::read;
use crate::screen::request::Request;
use crate::screen::views::{ERRORS, SHAPE, TIME};
use crate::source::file;
use crate::source::frames::{Ended, Origin};
use crate::source::pace::{Speed, time_of};

const SWEEP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");

/// A viewer that has played a file of the lab to its end.
fn of_file() -> App {
    let mut app = of_file_up_to(u64::MAX);
    app.update(Event::StreamEnded(Ended::Complete));
    app.update(Event::Tick(Duration::ZERO));
    app
}

/// The same, up to so long after its beginning.
fn of_file_up_to(length_ns: u64) -> App {
    let mut input = file::input(Path::new(SWEEP)).unwrap();
    let mut app = App::new(Origin::Replay, Times::Corrected).about(&input, Speed::Max);
    app.update(Event::Resize(Size { columns: 80, lines: 24 }));
    let mut first_ns = None;
    while let Ok(Some(frame)) = input.source.next_frame() {
        let at_ns = time_of(&frame);
        first_ns = first_ns.or(at_ns);
        if at_ns.zip(first_ns).is_some_and(|(at_ns, first_ns)| at_ns - first_ns > length_ns) {
            break;
        }
        app.update(Event::Frame(frame));
    }
    app.update(Event::Tick(Duration::ZERO));
    app
}

/// Reads the past that is asked for.
fn remember(app: &mut App) -> bool {
    let Some(Request::Past(question)) = app.take_request() else { return false };
    app.update(Event::Past(question.at_ns, read(&question, || true).unwrap().unwrap()));
    true
}

fn counts(app: &App) -> (usize, u64) {
    let rows = app.common().listing.rows();
    (rows.len(), rows.iter().map(|row| row.count).sum())
}

#[test]
fn all_views_show_what_was_known_at_the_time_that_is_looked_at_and_then_the_present_again() {
    let mut app = of_file();
    let (all, selected) = (counts(&app), app.common().listing.chosen());
    let mut before = all;
    // At its end nothing happens.
    press(&mut app, &[Command::Travel(Travel::Columns(-10))]);
    assert!(remember(&mut app) && counts(&app) == all);
    for _ in 0..6 {
        press(&mut app, &[Command::Travel(Travel::Columns(-10))]);
        // Until it is read, what was seen stays.
        assert_eq!(counts(&app), before);
        assert!(remember(&mut app));
        assert!(counts(&app).1 < before.1 && counts(&app).0 <= before.0, "{:?} after {before:?}", counts(&app));
        assert!(picture((80, 24), &app).contains("AS OF "));
        before = counts(&app);
    }
    // The picture of time is of all of it.
    press(&mut app, &[Command::Open(TIME)]);
    assert!(picture((80, 24), &app).contains("all rows and phases: "));
    press(&mut app, &[Command::Back, Command::Back]);
    assert_eq!((counts(&app), app.common().past_ns()), (all, None));
    press(&mut app, &[Command::Travel(Travel::Columns(-10)), Command::OtherTimes]);
    assert!(remember(&mut app));
    assert!(picture((80, 24), &app).contains("RAW times"));
    press(&mut app, &[Command::Travel(Travel::Now)]);
    assert_eq!(counts(&app), all);
    assert!(selected.is_none_or(|group| app.common().listing.chosen() == Some(group)));
}

#[test]
fn what_was_asked_for_before_another_time_was_is_not_shown() {
    let mut app = of_file();
    press(&mut app, &[Command::Travel(Travel::Columns(-10))]);
    let Some(Request::Past(question)) = app.take_request() else { panic!("nothing is asked for") };
    let (at_ns, past) = (question.at_ns, read(&question, || true).unwrap().unwrap());
    press(&mut app, &[Command::Travel(Travel::Columns(-10))]);
    let before = counts(&app);
    app.update(Event::Past(at_ns, past));
    assert_eq!((counts(&app), app.common().past_ns()), (before, None));
    press(&mut app, &[Command::Travel(Travel::Now)]);
    assert!(app.common().wanted_past().is_none());
}

#[test]
fn what_comes_live_has_no_past_but_in_the_view_of_time() {
    let mut app = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    press(&mut app, &[Command::Travel(Travel::Columns(-1))]);
    assert!(!remember(&mut app) && app.common().notice.as_ref().is_some_and(|notice| notice.contains("what happened then: T")));
}

#[test]
fn what_was_forgotten_stays_so_in_the_past_and_views_without_a_header_say_which_time_it_is() {
    let mut app = of_file_up_to(8_000_000_000);
    press(&mut app, &[Command::Reset]);
    let mut input = file::input(Path::new(SWEEP)).unwrap();
    let (begun, mut frames) = (app.common().all_data().now_ns().unwrap(), Vec::new());
    while let Ok(Some(frame)) = input.source.next_frame() {
        frames.extend(Some(frame).filter(|frame| time_of(frame).is_some_and(|at_ns| at_ns > begun)));
    }
    frames.into_iter().for_each(|frame| app.update(Event::Frame(frame)));
    app.update(Event::Tick(Duration::ZERO));
    let all = counts(&app);
    // At its end nothing happens.
    press(&mut app, &[Command::Travel(Travel::Columns(-10)); 4]);
    assert!(remember(&mut app));
    assert!(counts(&app).1 < all.1, "{:?} of {all:?}", counts(&app));
    assert!(picture((160, 24), &app).contains("since reset"));
    press(&mut app, &[ERRORS]);
    assert!(picture((80, 24), &app).contains(", AS OF "), "{}", picture((80, 24), &app));
    // A view of one row is opened from there too.
    press(&mut app, &[SHAPE]);
    assert!(picture((80, 24), &app).contains("operations"));
    assert_eq!(app.view().1.id, ViewId("shape"));
}
