//! What is known of crossings, and what an operation cost by it.

use grantscope_wire::Event;
use smallvec::smallvec;

use super::*;
use crate::fixtures::{crossing, export, passing, span};
use crate::own::OwnTime;
use HookId::{GntdevIoctl, GnttabDmaAllocPages, GnttabUnmapRefs, Msleep};

fn cost(before_ps: i32, after_ps: i32, error_ps: u32) -> Cost {
    Cost { before_ps, after_ps, error_ps }
}

fn costs(crossings: &[Crossing]) -> Costs {
    let mut costs = Costs::default();
    costs.add(&Calibration { at_ns: 0, crossings: crossings.to_vec() });
    costs
}

/// An export that allocates a DMA buffer, with one mark inside that.
fn allocating() -> Operation {
    let log = [(GnttabDmaAllocPages, Edge::Entry, 30), (Msleep, Edge::Mark, 30), (GnttabDmaAllocPages, Edge::Return, 90)];
    let stages = smallvec![span(Stage::ArgumentCopy, 40), span(Stage::DmaAlloc, 60)];
    Operation { stages, ..passing(export(Buffer::Wc, 100), &log) }
}

/// What it costs to cross the hooks of `allocating`.
fn known() -> [Crossing; 5] {
    [
        crossing(GntdevIoctl, Edge::Entry, cost(90_000, 1_000, 100)),
        crossing(GntdevIoctl, Edge::Return, cost(2_000, 90_000, 100)),
        crossing(GnttabDmaAllocPages, Edge::Entry, cost(3_000, 4_000, 2_000)),
        crossing(GnttabDmaAllocPages, Edge::Return, cost(5_000, 6_000, 4_000)),
        crossing(Msleep, Edge::Mark, cost(7_000, 0, 6_000)),
    ]
}

fn own_ns(costs: &Costs, operation: &Operation) -> Option<u64> {
    costs.of(operation).map(|own| own.total.ns)
}

#[test]
fn what_lies_between_two_readings_of_the_clock_goes_to_the_stage_between_them() {
    let own = costs(&known()).of(&allocating()).expect("all is known");
    // Before the allocation 1 + 3, behind it 6 + 2. Of errors, half of each crossing is on each side of it.
    let around = OwnTime { ns: 12, error_ns: 4 };
    // Within: 4, all of the mark, 5.
    let within = OwnTime { ns: 16, error_ns: 9 };
    assert_eq!(own.stages, [(Stage::ArgumentCopy, around), (Stage::DmaAlloc, within)]);
    assert_eq!(own.total, OwnTime { ns: 28, error_ns: 13 });
}

#[test]
fn parts_of_nanoseconds_add_up_and_are_not_rounded_one_by_one() {
    let log: Vec<_> = (0..20).map(|at| (Msleep, Edge::Mark, at)).collect();
    let begin_and_end = [Edge::Entry, Edge::Return].map(|edge| crossing(GntdevIoctl, edge, cost(0, 0, 0)));
    let all = [&begin_and_end[..], &[crossing(Msleep, Edge::Mark, cost(400, 0, 0))]].concat();
    assert_eq!(own_ns(&costs(&all), &passing(export(Buffer::Wc, 100), &log)), Some(8));
    // 4.6 + 4.6 + 0.4 + 0.4.
    let crossings = [GntdevIoctl, GnttabDmaAllocPages].map(|hook| {
        let [entry, back] = [cost(0, 200, 0), cost(4_400, 0, 0)];
        [crossing(hook, Edge::Entry, entry), crossing(hook, Edge::Return, back)]
    });
    let log = [(GnttabDmaAllocPages, Edge::Entry, 30), (GnttabDmaAllocPages, Edge::Return, 90)];
    let own = costs(&crossings.concat()).of(&passing(allocating(), &log)).unwrap();
    assert_eq!((own.total.ns, own.stages.iter().map(|(_, own)| own.ns).sum::<u64>()), (9, 9));
}

#[test]
fn with_one_stage_alone_all_own_time_is_in_it() {
    let operation = Operation { stages: smallvec![span(Stage::Remainder, 100)], ..allocating() };
    assert_eq!(costs(&known()).of(&operation).unwrap().stages, [(Stage::Remainder, OwnTime { ns: 28, error_ns: 13 })]);
}

#[test]
fn a_crossing_costs_what_it_does_in_the_operations_that_are_most_alike() {
    let mark = |op, buffer, ns: i32| Crossing { op, buffer, ..crossing(Msleep, Edge::Mark, cost(ns * 1_000, 0, 0)) };
    let mut all = costs(&known());
    let mut own_with = |crossing| {
        all.add(&Calibration { at_ns: 0, crossings: vec![crossing] });
        own_ns(&all, &allocating())
    };
    // Without the mark it is 21.
    assert_eq!(own_with(mark(None, None, 100)), Some(121));
    assert_eq!(own_with(mark(Some(Op::Export), None, 200)), Some(221));
    // The same operation on another buffer is more alike, and DMA memory is more like DMA memory than pages are.
    assert_eq!(own_with(mark(Some(Op::Export), Some(Buffer::Pages), 250)), Some(271));
    assert_eq!(own_with(mark(Some(Op::Export), Some(Buffer::Coherent), 260)), Some(281));
    assert_eq!(own_with(mark(Some(Op::Export), Some(Buffer::Wc), 300)), Some(321));
    // Those of others change nothing, and of the same the last is what is known.
    assert_eq!(own_with(mark(Some(Op::Export), Some(Buffer::Coherent), 400)), Some(321));
    assert_eq!(own_with(mark(Some(Op::Map), None, 500)), Some(321));
    assert_eq!(own_with(mark(Some(Op::Export), Some(Buffer::Wc), 600)), Some(621));
    let unknown_buffer = Operation { buffer: None, ..allocating() };
    assert_eq!(own_ns(&all, &unknown_buffer), Some(221));
}

#[test]
fn with_one_unknown_crossing_nothing_can_be_told() {
    for missing in 0..known().len() {
        let rest: Vec<_> = known().into_iter().enumerate().filter(|(place, _)| *place != missing).map(|(_, it)| it).collect();
        assert_eq!(costs(&rest).of(&allocating()), None, "{:?}", known()[missing]);
    }
    let newer = Event(u64::from(63_u8));
    assert_eq!(costs(&known()).of(&Operation { log: smallvec![newer], ..allocating() }), None);
    assert_eq!(Costs::default().of(&export(Buffer::Wc, 100)), None);
}

#[test]
fn of_a_log_that_is_not_whole_nothing_can_be_told() {
    assert_eq!(costs(&known()).of(&Operation { stages_incomplete: true, ..allocating() }), None);
}

#[test]
fn what_is_sounded_costs_more() {
    let sounded = |crossing: Crossing| Crossing { sounded: cost(10_000, 10_000, 0), ..crossing };
    let costs = costs(&known().map(sounded));
    assert_eq!(own_ns(&costs, &allocating()), Some(28));
    // Both halves of the begin and of the end outside; all else inside.
    assert_eq!(own_ns(&costs, &Operation { is_sounded: true, ..allocating() }), Some(80));
}

#[test]
fn a_gap_never_costs_less_than_nothing_and_a_stage_no_more_than_it_took() {
    let mut crossings = known();
    // Before: 1 − 5, within: −2 + 7 + 5.
    crossings[2].cost = cost(-5_000, -2_000, 0);
    let own = costs(&crossings).of(&allocating()).unwrap();
    assert_eq!(own.stages.iter().map(|(_, own)| own.ns).collect::<Vec<_>>(), [8, 10]);
    let left = [5, 60].map(|self_ns| self_ns - own.of(&span(Stage::ArgumentCopy, self_ns)).ns);
    assert_eq!(left, [0, 52]);
    assert_eq!(own.of(&span(Stage::Wait, 60)), OwnTime::default());
}

#[test]
fn a_teardown_is_the_unmapping_alone_and_one_that_was_deferred_is_not_known() {
    let costs = costs(&[Edge::Entry, Edge::Return].map(|edge| crossing(GnttabUnmapRefs, edge, cost(2_000, 3_000, 0))));
    let of = |stages| costs.of(&Operation { op: Op::Teardown, stages, ..export(Buffer::Wc, 100) });
    let unmapping = span(Stage::Unmapping, 60);
    assert_eq!(of(smallvec![unmapping.clone()]).unwrap().stages, [(Stage::Unmapping, OwnTime { ns: 5, error_ns: 0 })]);
    assert_eq!(of(smallvec![span(Stage::Deferred, 40), unmapping]), None);
}

#[test]
fn a_mean_is_of_what_was_measured_in_operations_else_of_what_was_measured_elsewhere() {
    let of = |edge, ns: i32, count| Crossing { count, ..crossing(Msleep, edge, cost(ns * 1_000, 0, 2_000)) };
    let with_op = |op, crossing| Crossing { op: Some(op), ..crossing };
    let mean_ns = |crossings: &[Crossing], edge| costs(crossings).mean(Msleep, edge).map(|mean| (mean.ns, mean.error_ns));
    let twin = of(Edge::Entry, 900, 0);
    assert_eq!(mean_ns(&[twin], Edge::Entry), Some((900.0, 2.0)));
    // 3 × 100 and 1 × 500; a mark is an entry too.
    let measured = [twin, with_op(Op::Export, of(Edge::Entry, 100, 3)), with_op(Op::Map, of(Edge::Mark, 500, 1))];
    assert_eq!(mean_ns(&measured, Edge::Entry), Some((200.0, 2.0)));
    assert_eq!(mean_ns(&measured, Edge::Return), None);
}
