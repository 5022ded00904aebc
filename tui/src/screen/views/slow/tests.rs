//! The slowest operations, of a recording of the lab and of operations that are made up.

use grantscope_analysis::model::Operation;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::Pages;
use grantscope_wire::{Buffer, Op, Stage};

use crate::screen::command::Command::{self, Back, Down, First, Last, MorePages, Sort};
use crate::screen::event::Event;
use crate::screen::fixtures::{
    HUGE, LARGE, S, SMALL, environment_frame, export, feed, operations, picture, press, shown, state, sweep, viewer,
};
use crate::screen::views::{COMPARE, SLOW};
use crate::support::builder::operation;

/// Exports of one kind and size, the `n`-th of which begins in the `n`-th second and takes so many microseconds.
fn exports(us: &[u64]) -> Vec<Frame> {
    let one = |(second, us): (u64, &u64)| Operation {
        start_ns: second * S,
        tid: 70 + second as u32,
        ..export(Buffer::Wc, 4, us * 1_000)
    };
    operations((1..).zip(us).map(one).collect())
}

/// The durations in the list.
fn listed(screen: &str) -> Vec<&str> {
    let rows = screen.lines().skip_while(|line| !line.contains("began at")).skip(1).take_while(|line| !line.contains("this one"));
    rows.filter_map(|row| row.trim_start_matches('▸').split_whitespace().nth(1)).collect()
}

fn opened(screen: &str) -> &str {
    let line = screen.lines().find(|line| line.starts_with('▸')).unwrap_or_else(|| panic!("{screen}"));
    line.split_whitespace().nth(1).unwrap()
}

#[test]
fn operations_of_a_recording_of_the_lab() {
    let mut app = viewer(SMALL, sweep(), &[]);
    while app.common().listing.detail().is_none_or(|row| (row.group.op, row.group.buffer) != (Op::Export, Some(Buffer::Wc))) {
        press(&mut app, &[Down]);
    }
    press(&mut app, &[MorePages, MorePages, SLOW]);
    insta::assert_snapshot!(picture(SMALL, &app));
    app.update(Event::Key(Down));
    insta::assert_snapshot!(picture(HUGE, &app));
}

#[test]
fn the_eight_slowest_are_listed_and_one_stays_opened_when_a_slower_one_comes() {
    let mut app = state(exports(&[10, 90, 20, 80, 30, 70, 40, 60, 50, 15]));
    press(&mut app, &[SLOW, Down, Down]);
    let screen = picture((100, 30), &app);
    assert_eq!(listed(&screen), ["90.0", "80.0", "70.0", "60.0", "50.0", "40.0", "30.0", "20.0"], "{screen}");
    assert_eq!(opened(&screen), "70.0");
    assert!(screen.contains("1.7 times the p50 of this row"), "{screen}");
    feed(&mut app, exports(&[95, 99]));
    let screen = picture((100, 30), &app);
    assert_eq!((listed(&screen)[0], opened(&screen)), ("99.0", "70.0"), "{screen}");
    press(&mut app, &[Last, First]);
    assert_eq!(opened(&picture((100, 30), &app)), "99.0");
}

#[test]
fn of_another_row_the_slowest_is_opened_and_the_row_is_that_of_the_table() {
    let other = operations(vec![export(Buffer::Pages, 4, 5_000), export(Buffer::Pages, 4, 4_000)]);
    let mut app = state([exports(&[10, 20]), other].concat());
    press(&mut app, &[First, SLOW, Down]);
    assert_eq!(opened(&picture((100, 30), &app)), "4.00");
    press(&mut app, &[Back, Down, SLOW]);
    let screen = picture((100, 30), &app);
    assert_eq!(opened(&screen), "20.0", "{screen}");
    assert_eq!(app.common().listing.detail().map(|row| row.group.pages), Some(Pages::Exactly(4)));
    press(&mut app, &[COMPARE]);
    assert!(!picture((100, 30), &app).contains("slowest of all time"));
}

#[test]
fn what_was_long_ago_is_not_among_those_of_the_last_minute() {
    let mut app = state(exports(&[900]));
    feed(&mut app, vec![Frame::Tick { at_ns: 200 * S }]);
    press(&mut app, &[SLOW]);
    assert_eq!(listed(&picture((100, 30), &app)), ["900"]);
    press(&mut app, &[Sort]);
    let screen = picture((100, 30), &app);
    assert!(
        screen.contains("of the last 30 to 60 s") && screen.contains("No operation of this row ended in the last 30 s."),
        "{screen}"
    );
}

/// Where the bar of each stage begins, and where it ends.
fn bars(screen: &str) -> Vec<(usize, usize)> {
    let plots = screen.lines().filter(|line| line.starts_with("  ")).filter_map(|line| line.split_once('│'));
    let ends = |plot: &str| (plot.chars().take_while(|mark| *mark == ' ').count(), plot.trim_end().chars().count());
    plots.map(|(_, plot)| ends(plot)).collect()
}

#[test]
fn stages_follow_each_other_on_a_time_line_and_each_is_as_long_as_its_part() {
    let mut app = viewer(HUGE, sweep(), &[SLOW]);
    for _ in 0..8 {
        let screen = picture(HUGE, &app);
        let bars = bars(&screen);
        assert!(bars.len() > 2, "{screen}");
        for pair in bars.windows(2) {
            assert!(pair[0].1.abs_diff(pair[1].0) <= 1, "{screen}");
        }
        assert!(bars.last().unwrap().1.abs_diff(usize::from(HUGE.0) - 29) <= 2, "{screen}");
        press(&mut app, &[Down]);
    }
}

#[test]
fn on_a_low_terminal_the_opened_one_and_its_longest_stages_are_seen_and_the_rest_is_counted() {
    let stages: Vec<_> = Stage::ALL.iter().take(9).zip(1..).map(|(&stage, us)| (stage, us * 1_000)).collect();
    let frames = [vec![environment_frame()], operations(vec![operation(Op::Export, Buffer::Wc, 4, S, &stages)])];
    for size in [(60, 16), (80, 18), LARGE] {
        let screen = shown(size, frames.concat(), &[SLOW]);
        assert_eq!(opened(&screen), "45.0", "{screen}");
        assert!(screen.contains(stages[8].0.name()), "{screen}");
        let left_out = screen.lines().find_map(|line| line.split_once(" shorter: "));
        let seen = stages.iter().filter(|(stage, _)| screen.contains(&format!("  {} ", stage.name()))).count();
        let counted = left_out.map_or(0, |(count, _)| count.trim().parse::<usize>().unwrap());
        assert_eq!(seen + counted, stages.len(), "{screen}");
    }
}

#[test]
fn of_nothing_it_says_so() {
    assert!(shown(SMALL, Vec::new(), &[SLOW]).contains("Nothing was recorded so far."));
    let commands: [Command; 4] = [SLOW, Down, Sort, Last];
    assert!(shown(SMALL, Vec::new(), &commands).contains("Nothing was recorded so far."));
}
