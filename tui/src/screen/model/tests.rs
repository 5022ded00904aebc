//! The rows that the data makes, and what the selected one says.

use std::time::Duration;

use grantscope_analysis::column::{COLUMNS, place};
use grantscope_analysis::history::Which;
use grantscope_analysis::model::{Detail, Operation, Outcome};
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::{Pages, Times, Wanted};
use grantscope_wire::{Buffer, Op, Stage};

use crate::screen::app::App;
use crate::screen::command::Command;
use crate::screen::event::Event;
use crate::screen::fixtures::{S, calibration, export, feed, operations, press, state};
use crate::screen::model::columns::{SHOWN, of};
use crate::screen::model::data::Data;
use crate::source::frames::Ended;
use crate::support::builder::operation;

#[test]
fn every_kind_of_operation_has_a_row_with_its_count() {
    let state = state(operations(vec![export(Buffer::Wc, 1, 10), export(Buffer::Wc, 1, 20), export(Buffer::Wc, 16, 30)]));
    let rows: Vec<_> = state.common().listing.rows().iter().map(|row| (row.group.pages, row.count)).collect();
    assert_eq!(rows, [(Pages::Exactly(1), 2), (Pages::Exactly(16), 1)]);
}

#[test]
fn teardowns_match_apart_by_what_requested_them_and_unknown_callers_are_shown_as_such() {
    let teardown = |by| Operation { op: Op::Teardown, details: vec![Detail::StartedBy(by)], ..export(Buffer::Wc, 1, 5) };
    let unmap = Operation { op: Op::UnmapRefs, buffer: None, ..export(Buffer::Wc, 1, 5) };
    let state = state(operations(vec![teardown(Op::Close), teardown(Op::Munmap), unmap]));
    let rows: Vec<_> = state.common().listing.rows().iter().map(|row| row.group.name()).collect();
    assert_eq!(rows, ["teardown/munmap", "teardown/close", "unmap_refs/–"]);
}

#[test]
fn failures_have_rows_of_their_own_and_are_counted_as_errors() {
    let failed = Operation { outcome: Outcome::Errno(22), ..export(Buffer::Wc, 1, 5) };
    let state = state(operations(vec![export(Buffer::Wc, 1, 10), failed]));
    let rows: Vec<_> =
        state.common().listing.rows().iter().map(|row| (row.group.outcome.name().into_owned(), row.count)).collect();
    assert_eq!(rows, [("ok".to_owned(), 1), ("EINVAL".to_owned(), 1)]);
    assert_eq!(state.common().data().errors, 1);
}

#[test]
fn merging_page_counts_adds_histograms_exactly() {
    let durations = [1_000, 2_000, 3_000, 400_000, 5_000_000];
    let several = durations.iter().enumerate().map(|(i, &ns)| export(Buffer::Wc, 1 + i as u32 % 2, ns)).collect();
    let one = durations.iter().map(|&ns| export(Buffer::Wc, 7, ns)).collect();
    let (mut merged, whole) = (state(operations(several)), state(operations(one)));
    press(&mut merged, &[Command::MergePages]);
    assert_eq!(merged.common().listing.rows().len(), 1);
    assert_eq!(merged.common().listing.rows()[0].group.pages, Pages::All);
    let buckets = |state: &App| state.common().listing.detail().unwrap().total.buckets().clone();
    assert_eq!(buckets(&merged), buckets(&whole));
}

#[test]
fn latencies_follow_when_operations_are_added_to_a_row() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 1_000)]));
    assert_eq!(state.common().listing.rows()[0].cells[place(COLUMNS, "max_ns")].number(), Some(1_000.0));
}

#[test]
fn shares_of_the_stages_add_up_and_the_largest_stands_first() {
    let stages = [(Stage::Remainder, 100), (Stage::DmaAlloc, 700), (Stage::MapHypercall, 200)];
    let state = state(operations(vec![operation(Op::Export, Buffer::Wc, 1, S, &stages)]));
    let detail = state.common().listing.detail().unwrap();
    let shares: Vec<_> = detail.stages.iter().map(|row| (row.stage, row.share_permille)).collect();
    assert_eq!(shares, [(Stage::DmaAlloc, 700), (Stage::MapHypercall, 200), (Stage::Remainder, 100)]);
    let means: f64 = detail.stages.iter().filter_map(|row| row.mean_ns).sum();
    assert_eq!(Some(means), detail.total.mean_ns());
}

#[test]
fn calls_are_per_operation_of_the_row() {
    let mut often = operation(Op::Export, Buffer::Wc, 1, S, &[(Stage::DmaAlloc, 7)]);
    often.stages[0].calls = 4;
    let never = operation(Op::Export, Buffer::Wc, 1, S, &[(Stage::Remainder, 7)]);
    let state = state(operations(vec![often, never]));
    let calls: Vec<_> = state.common().listing.detail().unwrap().stages.iter().map(|row| (row.stage, row.calls)).collect();
    assert_eq!(calls, [(Stage::Remainder, Some(0.5)), (Stage::DmaAlloc, Some(2.0))]);
}

#[test]
fn the_rate_is_over_the_recordings_clock_not_the_viewers() {
    let at = |second| operation(Op::Export, Buffer::Wc, 1, second * S, &[(Stage::Remainder, 1)]);
    let mut state = state(operations((100..=120).map(at).collect()));
    feed(&mut state, vec![Frame::Tick { at_ns: 121 * S }]);
    assert_eq!(state.common().listing.rows()[0].rate, Some(1.0));
    state.update(Event::Tick(Duration::from_secs(1_000)));
    assert_eq!(state.common().listing.rows()[0].rate, Some(1.0));
    feed(&mut state, vec![Frame::Tick { at_ns: 200 * S }]);
    assert_eq!(state.common().listing.rows()[0].rate, Some(0.0));
}

#[test]
fn after_the_end_the_rate_is_the_mean_over_the_whole_recording() {
    let at = |second| operation(Op::Export, Buffer::Wc, 1, second * S, &[(Stage::Remainder, 1)]);
    let mut state = state(operations((0..10).map(at).collect()));
    feed(&mut state, vec![Frame::End { at_ns: 100 * S }]);
    state.update(Event::StreamEnded(Ended::Complete));
    state.update(Event::Tick(Duration::ZERO));
    assert_eq!(state.common().listing.rows()[0].rate, Some(0.1));
}

#[test]
fn sorting_by_a_number_puts_the_largest_first_and_the_other_way_round_when_reversed() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10), export(Buffer::Wc, 2, 30), export(Buffer::Wc, 3, 20)]));
    let pages = |state: &App| state.common().listing.rows().iter().map(|row| row.group.pages).collect::<Vec<_>>();
    while state.common().listing.order().column != of("p50_ns") {
        press(&mut state, &[Command::Sort]);
    }
    assert_eq!(pages(&state), [2, 3, 1].map(Pages::Exactly));
    press(&mut state, &[Command::Reverse]);
    assert_eq!(pages(&state), [1, 3, 2].map(Pages::Exactly));
}

#[test]
fn every_column_to_sort_by_comes_round_again() {
    let mut state = state(Vec::new());
    let first = state.common().listing.order();
    press(&mut state, &vec![Command::Sort; SHOWN.iter().filter(|shown| shown.sorts).count()]);
    assert_eq!(state.common().listing.order(), first);
}

#[test]
fn the_selected_row_stays_selected_when_rows_come_and_move() {
    let mut state = state(operations(vec![export(Buffer::Wc, 5, 10)]));
    press(&mut state, &[Command::Last]);
    feed(&mut state, operations(vec![export(Buffer::Pages, 1, 99), export(Buffer::Wc, 9, 99)]));
    press(&mut state, &[Command::Reverse]);
    assert_eq!(state.common().listing.detail().unwrap().group.pages, Pages::Exactly(5));
    assert_eq!(state.common().listing.selected(), Some(1));
}

#[test]
fn the_history_keeps_the_times_that_were_wanted_first_and_begins_anew_with_a_reset() {
    let longest = |app: &App| {
        let history = &app.common().data().history;
        history.slowest(Which::All).first().map(|(_, one)| one.ns)
    };
    let mut app = state([vec![calibration(10)], operations(vec![export(Buffer::Wc, 1, 100)])].concat());
    press(&mut app, &[Command::OtherTimes]);
    feed(&mut app, operations(vec![export(Buffer::Wc, 1, 300)]));
    assert_eq!((longest(&app), app.common().data().history_times()), (Some(290), Times::Corrected));
    press(&mut app, &[Command::Reset]);
    assert_eq!(longest(&app), None);
    feed(&mut app, operations(vec![export(Buffer::Wc, 1, 50)]));
    assert_eq!(longest(&app), Some(40));
}

#[test]
fn a_held_display_keeps_its_past() {
    let mut app = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    press(&mut app, &[Command::Pause]);
    feed(&mut app, operations(vec![export(Buffer::Wc, 1, 99)]));
    let slowest = |data: &Data| data.history.slowest(Which::All).len();
    assert_eq!((slowest(app.common().data()), slowest(app.common().all_data())), (1, 2));
}

#[test]
fn of_text_no_past_is_kept_and_everything_else_is() {
    let frame = Frame::Operations(vec![export(Buffer::Wc, 1, 10)]);
    let [kept, not] = [Data::of(Wanted::default()), Data::of(Wanted::default()).without_past()].map(|mut data| {
        data.add(&frame);
        data.reset();
        data.add(&frame);
        (data.history.window().is_some(), data.aggregate.operations())
    });
    assert_eq!([kept, not], [(true, 1), (false, 1)]);
}
