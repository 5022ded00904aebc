//! Recordings with very many of everything: every command that reads one stays in little memory, and says what it leaves out.

mod in_little_memory;
mod support;

use std::fs;

use grantscope_analysis::model::{
    Calibration, Cost, Crossing, Detail, Environment, HeldBy, Holder, HookStatus, LiveMap, LossCounter, LossReport, MapState,
    MapsReport, Operation, Outcome,
};
use grantscope_analysis::recording::Frame;
use grantscope_wire::{Buffer, Edge, Event, HOOKS, HookId, LossKind, Op, Stage};
use in_little_memory::{READERS, arguments, assert_ended_well, command, folder};
use support::builder;
use tempfile::TempDir;

/// Operations of a frame.
const OF_A_FRAME: usize = 4_096;

/// A folder with a truth file and this recording, which every command bears.
fn borne(what: &str, bytes: &[u8]) -> TempDir {
    let folder = folder();
    fs::write(folder.path().join("storm.gsr"), bytes).unwrap();
    for args in READERS {
        let output = command(arguments(args, "storm.gsr"), &folder).output().unwrap();
        assert_ended_well(&output, &format!("{} on a storm of {what}", args.join(" ")));
    }
    folder
}

fn said(args: &[&str], folder: &TempDir) -> String {
    String::from_utf8(command(arguments(args, "storm.gsr"), folder).output().unwrap().stdout).unwrap()
}

/// A recording of these frames.
fn recording(environment: Environment, frames: impl IntoIterator<Item = Frame>) -> Vec<u8> {
    let end = Frame::End { at_ns: 200_000_000 };
    let frames: Vec<_> = [Frame::Environment(environment)].into_iter().chain(frames).chain([end]).collect();
    builder::bytes(&frames)
}

/// A recording of these operations.
fn of_operations(operations: impl IntoIterator<Item = Operation>) -> Vec<u8> {
    let operations: Vec<_> = operations.into_iter().collect();
    recording(builder::environment(), operations.chunks(OF_A_FRAME).map(|some| Frame::Operations(some.to_vec())))
}

fn operation(number: u32) -> Operation {
    let stages = [(Stage::Remainder, 900), (Stage::MapHypercall, 1_000)];
    builder::operation(Op::MapRefs, Buffer::Wc, 16, u64::from(number) * 10_000, &stages)
}

/// A driver whose buffers change their size all the time: 12,000 page counts, so 24,000 series and more than `--max-series`.
#[test]
fn page_counts_beyond_the_bound_are_put_into_ranges_and_that_is_said() {
    let folder =
        borne("page counts", &of_operations((1..=12_000).map(|pages| Operation { pages: Some(pages), ..operation(pages) })));
    assert!(said(&["summary", "@"], &folder).contains("more than 20000 series: "));
    assert!(said(&["export", "@"], &folder).contains(",8192-16383,"));
    assert!(!said(&["summary", "@", "--max-series", "50000"], &folder).contains("more than"));
}

#[test]
fn domains_beyond_the_bound_are_left_out_and_that_is_said() {
    let folder =
        borne("domains", &of_operations((0..15_000).map(|domid| Operation { domid: Some(domid as u16), ..operation(domid) })));
    assert!(said(&["summary", "@"], &folder).contains("more than 20000 series: "));
}

#[test]
fn outcomes_and_threads_are_borne() {
    borne(
        "outcomes",
        &of_operations((1..15_000).map(|errno| Operation { outcome: Outcome::Errno(errno as i32), ..operation(errno) })),
    );
    let named = |tid: u32| Operation { tid, tgid: tid / 2, comm: format!("thread {tid}").into(), ..operation(tid) };
    borne("threads", &of_operations((0..20_000).map(named)));
}

fn called(number: u32, name: String) -> Operation {
    Operation { details: vec![Detail::Caller(name)], ..operation(number) }
}

#[test]
fn callers_are_borne_that_are_many_and_long() {
    borne("callers", &of_operations((0..15_000).map(|number| called(number, format!("function_{number}")))));
    let folder =
        borne("long callers", &of_operations((0..150).map(|number| called(number, format!("{number}{}", "x".repeat(60_000))))));
    assert!(said(&["summary", "@"], &folder).contains(" IN NO ROW"));
    // Few names, but each in very many series.
    let each = |number: u32| Operation { pages: Some(number), ..called(number, "x".repeat(10_000)) };
    borne("one long caller", &of_operations((0..1_500).map(each)));
}

#[test]
fn statuses_are_borne() {
    let statuses = |number: u32| (0..400).map(move |status| Detail::Status { status: (number * 400 + status) as i16, count: 1 });
    let refused = |number| Operation { pages: Some(number), details: statuses(number).collect(), ..operation(number) };
    let folder = borne("statuses", &of_operations((0..1_000).map(refused)));
    assert!(said(&["export", "@"], &folder).contains("others:"));
}

#[test]
fn what_says_where_it_was_recorded_is_borne() {
    let hook = HookStatus { hook: HookId::GntdevIoctl, attached_by: None, symbol: None, problem: Some("x".to_owned()) };
    let environment = Environment { hooks: vec![hook; 300_000], ..builder::environment() };
    borne("hooks", &recording(environment, []));
    let environment = Environment { run: "r".repeat(4 << 20), host: "h".repeat(4 << 20), ..builder::environment() };
    borne("names", &recording(environment, (0..100).map(|number| Frame::Operations(vec![operation(number)]))));
}

#[test]
fn losses_and_costs_are_borne() {
    let counter = |number: usize| LossCounter { hook: HOOKS[number % HOOKS.len()].id, kind: LossKind::RingFull, count: u64::MAX };
    let report = LossReport { at_ns: 1, counters: (0..500_000).map(counter).collect() };
    borne("losses", &recording(builder::environment(), [Frame::Operations(vec![operation(1)]), Frame::Loss(report)]));
    let cost = Cost { before_ps: 1, after_ps: 1, error_ps: 1 };
    let crossing = |hook| Crossing { hook, edge: Edge::Entry, op: Some(Op::Map), buffer: None, cost, sounded: cost, count: 1 };
    let crossings: Vec<_> = HOOKS.iter().map(|hook| crossing(hook.id)).cycle().take(200_000).collect();
    borne("costs", &recording(builder::environment(), [Frame::Calibration(Calibration { at_ns: 1, crossings })]));
}

fn live(id: u64, holders: u32) -> LiveMap {
    LiveMap {
        id,
        allocated_ns: Some(id),
        owner: Some(7),
        comm: String::new(),
        domid: None,
        buffer: None,
        pages: 1,
        state: MapState::Mapped,
        owner_gone_ns: None,
        holders: (0..holders).map(|tgid| Holder { tgid, comm: String::new(), by: HeldBy::DmaBuf }).collect(),
        frames: None,
        allocator: None,
    }
}

#[test]
fn live_maps_and_their_holders_are_borne() {
    let report = |first: u64, holders| {
        let changed = (first..first + 20_000).map(|id| live(id, holders)).collect();
        Frame::Maps(MapsReport { at_ns: 9_000_000_000, changed, ..MapsReport::default() })
    };
    let folder = borne("live maps", &recording(builder::environment(), (0..10).map(|part| report(part * 20_000, 0))));
    assert!(said(&["maps", "@"], &folder).contains("THERE IS MORE: "));
    borne("holders", &recording(builder::environment(), [report(0, 30)]));
}

/// Hooks that mark a boundary take no bytes in an operation: a few of those may stand for very many events.
#[test]
fn operations_that_passed_very_many_hooks_are_borne() {
    let log: Vec<_> = (0..10_000).map(|_| Event::new(Event::code(HookId::Msleep, Edge::Mark), 0)).collect();
    let long = |number| Operation { log: log.clone().into(), duration_ns: 0, stages: Default::default(), ..operation(number) };
    let frames = (0..40).map(|part| Frame::Operations((0..50).map(|number| long(part * 50 + number)).collect()));
    borne("hooks that were passed", &recording(builder::environment(), frames));
}

/// A frame of version 1 with the smallest operations that there are: of a byte becomes the most.
#[test]
fn a_frame_of_very_many_small_operations_is_borne() {
    let recorded = include_bytes!("../../analysis/tests/fixtures/version-1.gsr");
    let environment = 16 + u32::from_le_bytes(recorded[8..12].try_into().unwrap()) as usize;
    let operation = [0, 0, Op::Map.id(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let operations = |count: usize| {
        let count_in_bytes = [count as u8 & 0x7F | 0x80, (count >> 7) as u8 & 0x7F | 0x80, (count >> 14) as u8];
        [&[1][..], &count_in_bytes, &operation.repeat(count)].concat()
    };
    let framed = |payload: &[u8]| {
        let head = [(payload.len() as u32).to_le_bytes(), crc32fast::hash(payload).to_le_bytes()].concat();
        [&head, payload].concat()
    };
    let recording = |count, frames| [&recorded[..environment], &framed(&operations(count)).repeat(frames)].concat();
    let folder = borne("small operations", &recording(150_000, 1));
    assert!(said(&["summary", "@"], &folder).contains("150000 operations"), "{}", said(&["summary", "@"], &folder));
    borne("operations in too large a frame", &recording(170_000, 1));
}
