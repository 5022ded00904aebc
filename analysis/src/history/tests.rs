//! What the history says of frames.

use grantscope_wire::{Buffer, HookId, LossKind, Op, Stage};
use proptest::collection::vec;
use proptest::prelude::*;
use smallvec::smallvec;

use super::slices::Bounds;
use super::*;
use crate::fixtures::{S, export, span};
use crate::model::{LossCounter, LossReport, Mark, Operation, Outcome, Phase};
use crate::quantile::P50;
use crate::recording::{Frame, Reader};
use crate::select::Selector;
use crate::series::{Aggregate, Phases, Wanted};

/// A history and the aggregate beside it.
struct Both {
    aggregate: Aggregate,
    history: History,
}

impl Both {
    fn of(wanted: Wanted, bounds: Bounds) -> Self {
        Self { aggregate: Aggregate::of(wanted), history: History::within(bounds) }
    }

    fn read(frames: &[Frame]) -> Self {
        let mut both = Self::of(Wanted::default(), Bounds::default());
        frames.iter().for_each(|frame| both.add(frame));
        both
    }

    fn add(&mut self, frame: &Frame) {
        self.aggregate.add(frame);
        self.history.add(frame, &self.aggregate);
    }
}

const ALL: Window = Window { from_ns: 0, to_ns: u64::MAX };

/// An export of so many pages that ends at this time.
fn ended(end_ns: u64, ns: u64, pages: u32) -> Operation {
    Operation { start_ns: end_ns.saturating_sub(ns), pages: Some(pages), ..export(Buffer::Wc, ns) }
}

fn failed(end_ns: u64) -> Operation {
    Operation { outcome: Outcome::Errno(22), comm: "backend".into(), ..ended(end_ns, 1_000, 1) }
}

fn lost(at_ns: u64, count: u64) -> Frame {
    let counters = vec![LossCounter { hook: HookId::GntdevIoctl, kind: LossKind::RingFull, count }];
    Frame::Loss(LossReport { at_ns, counters })
}

fn operations(interval: &Interval) -> u64 {
    let each =
        interval.series.iter().map(|(_, durations)| durations.count()).chain(interval.others.iter().map(Durations::count)).sum();
    assert_eq!(interval.together().count(), each);
    each
}

fn heat_sum(heat: &Heat) -> u64 {
    (0..heat.columns.len()).flat_map(|column| (0..heat.rows.len()).map(move |row| heat.count(column, row))).sum()
}

fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![
        5 => 0..20 * S,
        2 => 3_600 * S..7_200 * S,
        1 => any::<u64>(),
        1 => Just(u64::MAX),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_operation_and_no_loss_is_lost_whatever_the_order_and_the_times(
        ops in vec((any_time(), 1..1_000_000_u64, 1..40_u32, any::<bool>()), 1..400),
        losses in vec((any_time(), 0..5_u64), 0..20),
        slices in 1..60_usize,
        columns in 1..50_usize,
    ) {
        let mut both = Both::of(Wanted::default(), Bounds { bytes: 600, slices });
        let mut all_lost = 0;
        for (at_ns, more) in losses {
            all_lost += more;
            both.add(&lost(at_ns, all_lost));
        }
        for chunk in ops.chunks(7) {
            let operation = |&(at_ns, ns, pages, fails): &(u64, u64, u32, bool)| {
                let outcome = if fails { Outcome::Errno(12) } else { Outcome::Ok };
                Operation { outcome, ..ended(at_ns, ns, pages) }
            };
            both.add(&Frame::Operations(chunk.iter().map(operation).collect()));
        }
        let (count, fails) = (ops.len() as u64, ops.iter().filter(|op| op.3).count() as u64);
        let history = &both.history;
        let window = history.window().unwrap();
        let interval = history.interval(Which::All, window).unwrap();
        prop_assert_eq!((operations(&interval), interval.events.operations, interval.events.failed), (count, count, fails));
        prop_assert_eq!(interval.events.all_lost(), all_lost);
        let longest = interval.series.iter().filter_map(|(_, durations)| durations.max_ns()).max();
        prop_assert_eq!(history.worst(Which::All, window, By::Longest).map(|worst| worst.is.ns), longest);
        let heat = history.heat(Which::All, window, columns, 12);
        let sum = |of: &dyn Fn(&Column) -> u64| heat.columns.iter().map(of).sum::<u64>();
        prop_assert_eq!((heat_sum(&heat), sum(&|column| column.operations), sum(&|column| column.failed)), (count, count, fails));
        prop_assert_eq!((sum(&|column| column.events.operations), sum(&|column| column.events.all_lost())), (count, all_lost));
        prop_assert!(heat.rows.len() <= 12 && history.bytes() <= history.most_bytes());
    }
}

#[test]
fn the_bound_in_the_documents_is_one() {
    let most = History::default().most_bytes();
    assert!((16 << 20..=24 << 20).contains(&most), "docs/SECURITY.md has another bound than {most} bytes");
    assert!(
        include_str!("../../../docs/SECURITY.md").contains("| the past of a recording: ")
            && include_str!("../../../docs/SECURITY.md").contains("24 MiB")
    );
}

#[test]
fn a_heat_map_has_operations_where_they_were() {
    let both = Both::read(&[Frame::Operations(vec![ended(S, 1_000, 1), ended(S, 1_010, 1), ended(3 * S, 64_000, 4)])]);
    let window = Window { from_ns: 0, to_ns: 4 * S };
    let heat = both.history.heat(Which::All, window, 4, 100);
    let rows_of = |ns| heat.rows.iter().position(|row| (row.least_ns..=row.most_ns).contains(&ns)).unwrap();
    assert_eq!((heat.count(1, rows_of(1_000)), heat.count(3, rows_of(64_000)), heat.most(), heat_sum(&heat)), (2, 1, 2, 3));
    assert!(heat.rows.windows(2).all(|pair| pair[0].most_ns + 1 == pair[1].least_ns));
    assert_eq!(heat.columns.iter().map(|column| column.max_ns).collect::<Vec<_>>(), [None, Some(1_010), None, Some(64_000)]);
    assert_eq!((heat.columns[1].rate(), heat.columns[1].is_spread), (Some(2.0), false));
    let selector = Selector::parse("export.wc[pages>=4]").unwrap();
    let few = both.history.heat(Which::Of(&|key| selector.selects(key)), window, 4, 3);
    assert_eq!((heat_sum(&few), few.rows.len()), (1, 1));
    let nothing = both.history.heat(Which::All, Window { from_ns: 10 * S, to_ns: 11 * S }, 4, 3);
    assert!(nothing.rows.is_empty() && nothing.columns.len() == 4 && nothing.most() == 0);
}

#[test]
fn columns_finer_than_the_slices_say_that_they_are_spread() {
    let both = Both::read(&[Frame::Operations(vec![ended(S, 1_000, 1); 8])]);
    let columns = both.history.columns(Which::All, Window { from_ns: S, to_ns: S + STEP_NS }, 4);
    assert!(columns.iter().all(|column| column.is_spread && column.operations == 2), "{columns:?}");
}

#[test]
fn the_worst_second_is_found_by_its_longest_operation_and_by_a_quantile() {
    let calm = (0..100).map(|i| ended(S + i, 1_000, 1));
    let slow = (0..100).map(|i| ended(5 * S + i, 3_000, 1));
    let both = Both::read(&[Frame::Operations(calm.chain([ended(S + 9, 9_000, 1)]).chain(slow).collect())]);
    let worst = |by| both.history.worst(Which::All, ALL, by).unwrap();
    let longest = worst(By::Longest);
    assert_eq!((longest.is.ns, longest.window.from_ns, longest.longest_at_ns, longest.count), (9_000, S, S, 101));
    assert_eq!(longest.key.map(|key| (key.op, key.pages)), Some((Op::Export, Some(1))));
    let median = worst(By::Quantile(P50));
    assert!(median.window.from_ns == 5 * S && median.is.is_carried && median.is.ns.abs_diff(3_000) <= 3_000 / 16);
    assert_eq!(both.history.worst(Which::Of(&|key| key.op == Op::Map), ALL, By::Longest), None);
}

#[test]
fn a_quantile_with_too_few_operations_is_no_worst_one_while_there_are_others() {
    let many = vec![ended(S, 1_000, 1); 60];
    let both = Both::read(&[Frame::Operations([many, vec![ended(2 * S, 50_000, 1)]].concat())]);
    let worst = both.history.worst(Which::All, ALL, By::Quantile(P50)).unwrap();
    assert_eq!((worst.window.from_ns, worst.is.is_carried, worst.count), (S, true, 60));
}

#[test]
fn what_went_wrong_is_found_from_both_sides() {
    let deferred = Operation { op: Op::Teardown, stages: smallvec![span(Stage::Deferred, 5)], ..ended(4 * S, 10, 1) };
    let both = Both::read(&[
        Frame::Operations(vec![ended(S, 10, 1), failed(2 * S), deferred]),
        lost(3 * S, 7),
        Frame::Operations(vec![Operation { phase: Some(Phase::Measured), ..ended(5 * S, 10, 1) }]),
    ]);
    let at = |window: Option<Window>| window.map(|window| window.from_ns);
    for (what, second) in [(What::Failure, 2), (What::Loss, 3), (What::Deferral, 4), (What::Phase, 5)] {
        let there = Some(second * S);
        assert_eq!((at(both.history.next(Some(S), what)), at(both.history.previous(6 * S, what))), (there, there), "{what:?}");
        assert_eq!(at(both.history.next(None, what)), there, "{what:?}");
        assert_eq!(
            (both.history.next(Some(second * S), what), both.history.previous(second * S, what)),
            (None, None),
            "{what:?}"
        );
    }
}

#[test]
fn a_mark_is_found_to_a_step_also_in_a_long_slice_and_is_in_the_past_where_nothing_else_happened() {
    let mut both = Both::of(Wanted::default(), Bounds { slices: 20, ..Bounds::default() });
    both.add(&Frame::Operations((16..160).map(|step| ended(step * STEP_NS, 10, 1)).collect()));
    let mark = |at_ns| Frame::Mark(Mark::new(at_ns, "here"));
    [mark(5 * S + 7), mark(30 * S), mark(S - 1)].iter().for_each(|frame| both.add(frame));
    let history = &both.history;
    assert!(history.resolution_ns(5 * S).unwrap() > STEP_NS, "the slice is long");
    let at = |window: Option<Window>| window.map(|window| (window.from_ns, window.length_ns()));
    let next = |after_ns| at(history.next(after_ns, What::Mark));
    let step = |second: u64| Some((second * S, STEP_NS));
    assert_eq!([next(None), next(Some(5 * S - 1)), next(Some(5 * S)), next(Some(30 * S))], [step(5), step(5), step(30), None]);
    let previous = |before_ns| at(history.previous(before_ns, What::Mark));
    assert_eq!([previous(40 * S), previous(30 * S), previous(5 * S)], [step(30), step(5), None]);
    // One from before what is kept does not make that longer, and is remembered all the same.
    assert_eq!(history.window(), Some(Window { from_ns: S, to_ns: 30 * S + STEP_NS }));
    assert_eq!((history.marks().count(), history.now_ns()), (3, 30 * S));
    assert_eq!(both.history.without_operations().next(None, What::Mark), None);
}

#[test]
fn only_what_was_lost_since_the_last_report_is_lost_in_a_slice() {
    let both = Both::read(&[lost(S, 5), lost(2 * S, 5), lost(3 * S, 8)]);
    let lost_at = |second: u64| {
        let window = Window { from_ns: second * S, to_ns: second * S + 1 };
        both.history.interval(Which::All, window).map(|interval| interval.events.lost[0])
    };
    assert_eq!([1, 2, 3].map(lost_at), [Some(5), None, Some(3)]);
}

#[test]
fn operations_of_other_phases_are_no_series_and_their_failures_are_remembered() {
    let wanted = Wanted { phases: Phases::Only(Phase::Measured), ..Wanted::default() };
    let mut both = Both::of(wanted, Bounds::default());
    let of = |phase, operation| Operation { phase: Some(phase), ..operation };
    both.add(&Frame::Operations(vec![of(Phase::SetUp, failed(S)), of(Phase::Measured, ended(S, 10, 1))]));
    let interval = both.history.interval(Which::All, ALL).unwrap();
    assert_eq!((operations(&interval), interval.events.operations, interval.events.by_phase), (1, 2, [1, 0, 1]));
    let failures: Vec<_> = both.history.failures().map(|failure| (failure.key, failure.phase, &*failure.comm)).collect();
    assert_eq!(failures, [(None, Some(Phase::SetUp), "backend")]);
}

#[test]
fn only_the_last_failures_are_remembered_and_no_answers() {
    let poll = Operation { op: Op::WaitReleased, ..failed(S) };
    let poll = Operation { outcome: Outcome::Errno(2), ..poll };
    let both = Both::read(&[Frame::Operations((0..300).map(|i| failed(S + i)).chain([poll]).collect())]);
    assert_eq!(both.history.failures().len(), MOST_FAILURES);
    assert_eq!(both.history.failures().next_back().map(|failure| failure.start_ns), Some(S + 299 - 1_000));
    assert_eq!(both.history.interval(Which::All, ALL).unwrap().events.failed, 300);
}

#[test]
fn a_clock_that_jumps_once_does_not_end_the_past() {
    let mut both = Both::of(Wanted::default(), Bounds { slices: 64, ..Bounds::default() });
    let second = |second: u64| Frame::Operations((0..8).map(|i| ended(second * S + i * S / 8, 10, 1)).collect());
    (0..100).for_each(|at| both.add(&second(at)));
    both.add(&Frame::Operations(vec![ended(u64::MAX, 10, 1)]));
    (100..200).for_each(|at| both.add(&second(at)));
    assert_eq!(both.history.now_ns(), 199 * S + 7 * S / 8);
    assert!(both.history.resolution_ns(199 * S).unwrap() <= S / 4);
    assert!(!both.history.recent(Which::All).is_empty());
    assert_eq!(operations(&both.history.interval(Which::All, both.history.window().unwrap()).unwrap()), 1_601);
}

#[test]
fn a_history_without_operations_goes_on_with_its_losses() {
    let mut both = Both::read(&[Frame::Operations(vec![failed(S)]), lost(S, 5)]);
    both.history = both.history.without_operations();
    assert!(both.history.window().is_none() && both.history.failures().len() == 0 && both.history.slowest(Which::All).is_empty());
    both.add(&lost(2 * S, 6));
    assert_eq!(both.history.interval(Which::All, ALL).unwrap().events.all_lost(), 1);
}

#[test]
fn a_recording_of_the_lab_has_the_same_operations_as_its_table_and_sixty_slices() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");
    let mut reader = Reader::open(std::io::BufReader::new(std::fs::File::open(path).unwrap())).unwrap();
    let mut both = Both::of(Wanted::default(), Bounds::default());
    while let Some(frame) = reader.next_frame().unwrap() {
        both.add(&frame);
    }
    let Both { aggregate, history } = both;
    let interval = history.interval(Which::All, history.window().unwrap()).unwrap();
    let of_series = aggregate.series().filter(|(key, _)| key.stage.is_none());
    let expected: Vec<_> = of_series.map(|(key, series)| (*key, series.count(), series.sum_ns(), series.max_ns())).collect();
    let of = |(key, durations): &(_, Durations)| (*key, durations.count(), durations.sum_ns(), durations.max_ns());
    assert_eq!(interval.series.iter().map(of).collect::<Vec<_>>(), expected);
    for (key, durations) in &interval.series {
        let (about, exact) =
            (durations.quantile(&P50).unwrap().ns as f64, aggregate.get(key).unwrap().quantile_ns(0.5).unwrap() as f64);
        assert!((about - exact).abs() <= exact * (ERROR + 0.001), "{key:?}: {about} for {exact}");
    }
    let columns = history.columns(Which::All, history.window().unwrap(), 60);
    assert!(columns.iter().all(|column| column.operations > 0 && !column.is_spread));
    // All that failed in it are polls of buffers that are released already.
    assert_eq!((interval.events.failed, history.failures().len()), (0, 0));
    let slowest = history.slowest(Which::Of(&|key| key.op == Op::Export && key.pages == Some(256)));
    assert_eq!(slowest.len(), MOST_EXEMPLARS);
    for (key, one) in slowest {
        assert_eq!(one.stages.iter().map(|segment| segment.ns).sum::<u64>(), one.measured_ns);
        assert!(one.stages.len() > 3 && one.ns <= aggregate.get(&key).unwrap().max_ns().unwrap());
    }
}
