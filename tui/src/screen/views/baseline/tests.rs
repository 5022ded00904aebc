//! What is shown, compared with earlier runs.

use std::time::Duration;

use grantscope_analysis::decide::Rule;
use grantscope_analysis::model::Operation;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::runs::Run;
use grantscope_analysis::series::{Aggregate, Pages, Times, Wanted};
use grantscope_wire::{Buffer, Op, Stage};

use crate::screen::app::App;
use crate::screen::command::Command::{Back, Down, First, Last, Open, OtherTimes};
use crate::screen::event::{Event, Size};
use crate::screen::fixtures::{LEAST, S, SMALL, environment_frame, export, feed, group, picture, press};
use crate::screen::model::baseline::Baseline;
use crate::screen::views::{BASELINE, TIME};
use crate::source::frames::{Ended, Origin};
use crate::support::builder::operation;

/// Exports of two kinds, those of write-combining buffers with so much time in the hypercall.
fn exports(hypercall_us: u64) -> Vec<Operation> {
    let of = |place: u64| {
        let stages = [(Stage::DmaAlloc, 50_000 + place), (Stage::MapHypercall, hypercall_us * 1_000 + place)];
        [operation(Op::Export, Buffer::Wc, 4, S, &stages), export(Buffer::Pages, 4, 10_000 + place)]
    };
    (0..400).flat_map(of).collect()
}

fn baseline(operations: Vec<Operation>) -> Baseline {
    let mut aggregate = Aggregate::of(Wanted { times: Times::Raw, ..Wanted::default() });
    [environment_frame(), Frame::Operations(operations)].iter().for_each(|frame| aggregate.add(frame));
    let (runs, rules) = (vec![Run::from(&aggregate)], vec![Rule::default_one()]);
    Baseline { name: "last week.gsr".to_owned(), runs, times: Times::Raw, rules, allowed: Vec::new() }
}

fn watching(baseline: Baseline, frames: Vec<Frame>) -> App {
    let mut app = App::new(Origin::Live, Wanted { times: Times::Raw, ..Wanted::default() }).against(Some(baseline));
    app.update(Event::Resize(Size { columns: SMALL.0.into(), lines: SMALL.1.into() }));
    feed(&mut app, [vec![environment_frame()], frames].concat());
    app
}

fn row<'a>(screen: &'a str, name: &str) -> &'a str {
    screen.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{screen}"))
}

#[test]
fn what_became_slower_stands_first_with_its_stage_and_is_named_in_the_header_of_every_view() {
    let mut app = watching(baseline(exports(50)), vec![Frame::Operations(exports(60))]);
    assert!(picture(SMALL, &app).contains("1 REGRESSED (b: which)"), "{}", picture(SMALL, &app));
    press(&mut app, &[BASELINE]);
    let screen = picture(SMALL, &app);
    assert!(screen.contains("now against last week.gsr: 1 regressed, 1 equivalent"), "{screen}");
    assert!(row(&screen, "▸").contains("regressed    export.wc[pages=4]") && row(&screen, "▸").contains("+9.9 % ["), "{screen}");
    assert!(row(&screen, "export.pages").starts_with("  equivalent"), "{screen}");
    assert!(screen.contains("map_hypercall +10.0 µs of +9.98 µs"), "{screen}");
    insta::assert_snapshot!(screen);
}

#[test]
fn the_least_terminal_has_verdict_series_and_change_and_the_interval_of_the_selected_one() {
    let mut app = watching(baseline(exports(50)), vec![Frame::Operations(exports(60))]);
    press(&mut app, &[BASELINE]);
    app.update(Event::Resize(Size { columns: LEAST.0.into(), lines: LEAST.1.into() }));
    app.update(Event::Tick(Duration::ZERO));
    let screen = picture(LEAST, &app);
    assert!(row(&screen, "▸").contains("regressed") && row(&screen, "▸").ends_with("+9.9 %"), "{screen}");
    assert!(screen.lines().any(|line| line.starts_with("+9.9 % [")), "{screen}");
    insta::assert_snapshot!(screen);
}

#[test]
fn a_row_stays_selected_and_is_selected_in_the_table_too() {
    let mut app = watching(baseline(exports(50)), vec![Frame::Operations(exports(60))]);
    press(&mut app, &[BASELINE, Last]);
    assert!(row(&picture(SMALL, &app), "▸").contains("export.pages"));
    press(&mut app, &[Back]);
    assert_eq!(app.common().listing.chosen(), Some(group(Buffer::Pages, Pages::Exactly(4))));
    // Now that one becomes the slower one, and stands first.
    let slow = |place: u64| export(Buffer::Pages, 4, 40_000 + place);
    app.update(Event::Frame(Frame::Operations((0..4_000).map(slow).collect())));
    app.update(Event::Tick(Duration::from_secs(10)));
    press(&mut app, &[BASELINE]);
    let screen = picture(SMALL, &app);
    let first = screen.lines().skip_while(|line| !line.contains("change [interval]")).nth(1).unwrap();
    assert!(first.starts_with("▸ regressed    export.pages"), "{screen}");
}

#[test]
fn what_did_not_happen_so_far_is_missing_when_it_is_over_and_not_before() {
    let only_pages = exports(50).into_iter().filter(|operation| operation.buffer == Some(Buffer::Pages)).collect();
    let mut app = watching(baseline(exports(50)), vec![Frame::Operations(only_pages)]);
    press(&mut app, &[BASELINE, First, Down]);
    assert!(!picture(SMALL, &app).contains("export.wc"));
    app.update(Event::StreamEnded(Ended::Complete));
    app.update(Event::Tick(Duration::from_secs(10)));
    assert!(picture(SMALL, &app).contains("! head has no export.wc"), "{}", picture(SMALL, &app));
}

#[test]
fn times_that_are_shown_make_no_difference_and_without_operations_nothing_is_said() {
    let mut app = watching(baseline(exports(50)), Vec::new());
    press(&mut app, &[BASELINE]);
    assert!(picture(SMALL, &app).contains("Nothing was recorded so far."));
    feed(&mut app, vec![Frame::Operations(exports(60))]);
    press(&mut app, &[OtherTimes]);
    assert!(picture(SMALL, &app).contains("1 regressed, 1 equivalent"), "{}", picture(SMALL, &app));
    press(&mut app, &[Open(TIME)]);
    assert!(picture(SMALL, &app).contains("1 REGRESSED (b: which)"));
}
