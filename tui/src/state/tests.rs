//! What the state does with events.

use std::time::Duration;

use grantscope_analysis::model::{Operation, Outcome};
use grantscope_analysis::recording::Frame;
use grantscope_analysis::report::metrics::METRICS;
use grantscope_wire::{Buffer, HookId, LossKind, Op, Stage};

use super::columns::{Column, metric};
use super::event::{Ended, Event};
use super::group::Pages;
use super::{Origin, Overlay, Panes, Quit, Screen, Size, State};
use crate::keys::Command;
use crate::support::builder::{environment, loss, operation};
use crate::support::synthetic;

const S: u64 = 1_000_000_000;

fn state(frames: Vec<Frame>) -> State {
    let mut state = State::new(Origin::Live);
    state.update(Event::Resize(Size { columns: 100, lines: 30 }));
    state.update(Event::Frame(Frame::Environment(environment())));
    feed(&mut state, frames);
    state
}

fn feed(state: &mut State, frames: Vec<Frame>) {
    frames.into_iter().for_each(|frame| state.update(Event::Frame(frame)));
    state.update(Event::Tick(Duration::ZERO));
}

fn press(state: &mut State, commands: &[Command]) {
    commands.iter().for_each(|&command| state.update(Event::Key(command)));
}

fn export(buffer: Buffer, pages: u32, ns: u64) -> Operation {
    operation(Op::Export, buffer, pages, S, &[(Stage::Remainder, ns)])
}

fn operations(operations: Vec<Operation>) -> Vec<Frame> {
    vec![Frame::Operations(operations)]
}

#[test]
fn every_kind_of_operation_has_a_row_with_its_count() {
    let state = state(operations(vec![export(Buffer::Wc, 1, 10), export(Buffer::Wc, 1, 20), export(Buffer::Wc, 16, 30)]));
    let rows: Vec<_> = state.rows().iter().map(|row| (row.group.pages, row.count)).collect();
    assert_eq!(rows, [(Pages::Exactly(1), 2), (Pages::Exactly(16), 1)]);
}

#[test]
fn failures_have_rows_of_their_own_and_are_counted_as_errors() {
    let failed = Operation { outcome: Outcome::Errno(22), ..export(Buffer::Wc, 1, 5) };
    let state = state(operations(vec![export(Buffer::Wc, 1, 10), failed]));
    let rows: Vec<_> = state.rows().iter().map(|row| (row.group.outcome.name().into_owned(), row.count)).collect();
    assert_eq!(rows, [("ok".to_owned(), 1), ("EINVAL".to_owned(), 1)]);
    assert_eq!(state.data().errors, 1);
}

#[test]
fn merging_page_counts_adds_histograms_exactly() {
    let durations = [1_000, 2_000, 3_000, 400_000, 5_000_000];
    let several = durations.iter().enumerate().map(|(i, &ns)| export(Buffer::Wc, 1 + i as u32 % 2, ns)).collect();
    let one = durations.iter().map(|&ns| export(Buffer::Wc, 7, ns)).collect();
    let (mut merged, whole) = (state(operations(several)), state(operations(one)));
    press(&mut merged, &[Command::MergePages]);
    assert_eq!(merged.rows().len(), 1);
    assert_eq!(merged.rows()[0].group.pages, Pages::All);
    assert_eq!(merged.rows()[0].values, whole.rows()[0].values);
    let histogram = |state: &State| state.detail().unwrap().total.histogram().clone();
    assert_eq!(histogram(&merged), histogram(&whole));
}

#[test]
fn latencies_follow_when_operations_are_added_to_a_row() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 1_000)]));
    assert_eq!(state.rows()[0].values[metric("max_ns")], Some(1_000.0));
}

#[test]
fn shares_of_the_stages_add_up_and_the_largest_stands_first() {
    let stages = [(Stage::Remainder, 100), (Stage::DmaAlloc, 700), (Stage::MapHypercall, 200)];
    let state = state(operations(vec![operation(Op::Export, Buffer::Wc, 1, S, &stages)]));
    let detail = state.detail().unwrap();
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
    let calls: Vec<_> = state.detail().unwrap().stages.iter().map(|row| (row.stage, row.calls)).collect();
    assert_eq!(calls, [(Stage::Remainder, Some(0.5)), (Stage::DmaAlloc, Some(2.0))]);
}

#[test]
fn the_rate_is_over_the_recordings_clock_not_the_viewers() {
    let at = |second| operation(Op::Export, Buffer::Wc, 1, second * S, &[(Stage::Remainder, 1)]);
    let mut state = state(operations((100..=120).map(at).collect()));
    feed(&mut state, vec![Frame::Tick { at_ns: 121 * S }]);
    assert_eq!(state.rows()[0].rate, Some(1.0));
    state.update(Event::Tick(Duration::from_secs(1_000)));
    assert_eq!(state.rows()[0].rate, Some(1.0));
    feed(&mut state, vec![Frame::Tick { at_ns: 200 * S }]);
    assert_eq!(state.rows()[0].rate, Some(0.0));
}

#[test]
fn after_the_end_the_rate_is_the_mean_over_the_whole_recording() {
    let at = |second| operation(Op::Export, Buffer::Wc, 1, second * S, &[(Stage::Remainder, 1)]);
    let mut state = state(operations((0..10).map(at).collect()));
    feed(&mut state, vec![Frame::End { at_ns: 100 * S }]);
    state.update(Event::StreamEnded(Ended::Complete));
    state.update(Event::Tick(Duration::ZERO));
    assert_eq!(state.rows()[0].rate, Some(0.1));
}

#[test]
fn sorting_by_a_number_puts_the_largest_first_and_the_other_way_round_when_reversed() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10), export(Buffer::Wc, 2, 30), export(Buffer::Wc, 3, 20)]));
    let pages = |state: &State| state.rows().iter().map(|row| row.group.pages).collect::<Vec<_>>();
    while state.order().column != Column::Metric(metric("p50_ns")) {
        press(&mut state, &[Command::Sort]);
    }
    assert_eq!(pages(&state), [2, 3, 1].map(Pages::Exactly));
    press(&mut state, &[Command::Reverse]);
    assert_eq!(pages(&state), [1, 3, 2].map(Pages::Exactly));
}

#[test]
fn every_column_to_sort_by_comes_round_again() {
    let mut state = state(Vec::new());
    let first = state.order();
    press(&mut state, &[Command::Sort; super::columns::SORTABLE.len()]);
    assert_eq!(state.order(), first);
}

#[test]
fn the_selected_row_stays_selected_when_rows_come_and_move() {
    let mut state = state(operations(vec![export(Buffer::Wc, 5, 10)]));
    press(&mut state, &[Command::Last]);
    feed(&mut state, operations(vec![export(Buffer::Pages, 1, 99), export(Buffer::Wc, 9, 99)]));
    press(&mut state, &[Command::Reverse]);
    assert_eq!(state.detail().unwrap().group.pages, Pages::Exactly(5));
    assert_eq!(state.selected(), Some(1));
}

#[test]
fn a_paused_display_stands_still_while_data_is_read_on() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 10)]));
    press(&mut state, &[Command::Pause]);
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 99)]));
    assert_eq!((state.rows()[0].count, state.rows()[0].values[metric("max_ns")]), (1, Some(10.0)));
    assert_eq!(state.all_data().aggregate.operations(), 2);
    press(&mut state, &[Command::Pause]);
    assert_eq!((state.rows()[0].count, state.rows()[0].values[metric("max_ns")]), (2, Some(99.0)));
}

#[test]
fn a_reset_forgets_operations_but_not_what_was_lost() {
    let lost = loss(2 * S, HookId::GntdevIoctl, LossKind::RingFull, 7);
    let mut state = state([operations(vec![export(Buffer::Wc, 1, 10)]), vec![lost]].concat());
    press(&mut state, &[Command::Reset]);
    assert!(state.rows().is_empty());
    assert_eq!((state.data().errors, state.data().aggregate.loss().operations()), (0, 7));
    assert!(state.data().aggregate.environment().is_some());
    feed(&mut state, operations(vec![export(Buffer::Wc, 1, 20)]));
    assert_eq!(state.rows()[0].values[metric("max_ns")], Some(20.0));
}

#[test]
fn ratios_compare_the_chosen_metric_of_successful_operations() {
    let failed = Operation { outcome: Outcome::Errno(12), ..export(Buffer::Wc, 1, 9_999) };
    let all = vec![export(Buffer::Pages, 1, 100), export(Buffer::Wc, 1, 150), export(Buffer::Coherent, 1, 300), failed];
    let mut state = state(operations(all));
    press(&mut state, &[Command::Compare]);
    let row = &state.compare().rows[0];
    assert_eq!(row.counts, [1, 1, 1]);
    assert_eq!(row.ratio(Buffer::Wc, Buffer::Pages), Some(1.5));
    assert_eq!(row.ratio(Buffer::Coherent, Buffer::Wc), Some(2.0));
}

#[test]
fn a_ratio_to_something_unknown_is_unknown() {
    let mut state = state(operations(vec![export(Buffer::Wc, 1, 100), export(Buffer::Coherent, 1, 100)]));
    press(&mut state, &[Command::Compare]);
    assert_eq!(state.compare().rows[0].ratio(Buffer::Wc, Buffer::Pages), None);
}

#[test]
fn an_operation_of_one_kind_only_is_named_instead_of_compared() {
    let map = operation(Op::Map, Buffer::Pages, 1, S, &[(Stage::Remainder, 1)]);
    let mut state = state(operations(vec![map, export(Buffer::Wc, 1, 1), export(Buffer::Pages, 1, 1)]));
    press(&mut state, &[Command::Compare]);
    assert_eq!(state.compare().rows.len(), 1);
    assert_eq!(state.compare().alone, [Op::Map]);
}

#[test]
fn the_stages_of_a_kind_add_up_to_its_mean() {
    let mut state = state(synthetic::frames(2));
    press(&mut state, &[Command::Compare]);
    let row = &state.compare().rows[state.compared().unwrap()];
    for kind in 0..row.members.len() {
        let sum: f64 = state.compare_stages().iter().filter_map(|stage| stage.means_ns[kind]).sum();
        let mean = super::group::merged(&state.data().aggregate, &row.members[kind], None).mean_ns().unwrap();
        assert!((sum - mean).abs() < 1e-6, "{sum} {mean}");
    }
}

#[test]
fn every_metric_to_compare_by_comes_round_again() {
    let mut state = state(Vec::new());
    let first = state.metric();
    let mut seen = Vec::new();
    while !seen.contains(&state.metric()) {
        seen.push(state.metric());
        press(&mut state, &[Command::Metric]);
    }
    let names: Vec<_> = seen.iter().map(|&index| METRICS[index].heading).collect();
    assert_eq!(names, ["p50", "p90", "p99", "p99.9", "max"]);
    assert_eq!(state.metric(), first);
}

#[test]
fn escape_goes_one_step_back_and_quits_from_the_table() {
    let mut state = state(Vec::new());
    press(&mut state, &[Command::Compare, Command::Help, Command::Back]);
    assert_eq!((state.overlay(), state.screen()), (None, Screen::Compare));
    press(&mut state, &[Command::Back]);
    assert_eq!((state.screen(), state.quit()), (Screen::Table, None));
    press(&mut state, &[Command::Back]);
    assert_eq!(state.quit(), Some(&Quit::Asked));
}

#[test]
fn q_quits_from_everywhere() {
    for before in [&[][..], &[Command::Help], &[Command::Compare, Command::Info], &[Command::Zoom, Command::Pause]] {
        let mut state = state(Vec::new());
        press(&mut state, before);
        press(&mut state, &[Command::Quit]);
        assert_eq!(state.quit(), Some(&Quit::Asked), "{before:?}");
    }
}

#[test]
fn the_lower_half_goes_through_all_its_layouts() {
    let mut state = state(Vec::new());
    let mut seen = vec![state.panes()];
    for _ in 0..4 {
        press(&mut state, &[Command::NextPane]);
        seen.push(state.panes());
    }
    assert_eq!(seen, [Panes::Both, Panes::Histogram, Panes::Stages, Panes::Neither, Panes::Both]);
}

#[test]
fn a_screen_of_text_scrolls_to_its_end_and_no_further() {
    let mut state = state(Vec::new());
    press(&mut state, &[Command::Info, Command::Last]);
    let end = state.scrolled();
    assert_eq!(state.overlay(), Some(Overlay::Info));
    assert_eq!(state.overlay_lines().len(), 30 - 2);
    press(&mut state, &[Command::Down, Command::Up]);
    assert_eq!(state.scrolled(), end - 1);
}

#[test]
fn silence_is_counted_from_the_last_frame() {
    let mut state = state(Vec::new());
    state.update(Event::Tick(Duration::from_secs(5)));
    assert_eq!(state.silent_for(), Duration::from_secs(5));
    state.update(Event::Frame(Frame::Tick { at_ns: S }));
    state.update(Event::Tick(Duration::from_secs(6)));
    assert_eq!(state.silent_for(), Duration::ZERO);
}

#[test]
fn a_stream_that_is_not_a_recording_ends_the_viewer_with_the_reason() {
    let mut state = State::new(Origin::Live);
    state.update(Event::StreamEnded(Ended::Unreadable("not ours".to_owned())));
    assert_eq!(state.quit(), Some(&Quit::Failed("not ours".to_owned())));
}

#[test]
fn the_viewer_stays_open_when_the_stream_ends() {
    let mut state = state(synthetic::complete(1));
    state.update(Event::StreamEnded(Ended::Complete));
    assert_eq!((state.quit(), state.ended()), (None, Some(&Ended::Complete)));
}
