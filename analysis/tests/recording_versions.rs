//! Recordings of every version are read to the same values for ever, and the newest is written byte for byte as before.
//!
//! `fixtures/version-N.gsr` hold every kind of frame and every detail that version N has, made up; `version-1-sweep.gsr` is of a
//! sweep in the lab. A fixture is never written again: a new version gets a fixture of its own.

use grantscope_analysis::model::{
    Calibration, Clock, Cost, Crossing, Detail, Environment, Filter, FilterReport, Frames, HeldBy, Holder, HookStatus, LiveMap,
    Log, LossCounter, LossReport, MapState, MapsReport, Mark, Operation, Outcome, RecorderReport, StageSpan, UNREAD,
};
use grantscope_analysis::recording::{Frame, Reader, VERSION, Writer};
use grantscope_analysis::series::Aggregate;
use grantscope_analysis::stages;
use grantscope_wire::{Allocator, Buffer, Cause, Detail as Watched, Edge, Event, HookId, LossKind, Op, Stage};

const VERSION_1: &[u8] = include_bytes!("fixtures/version-1.gsr");
const VERSION_2: &[u8] = include_bytes!("fixtures/version-2.gsr");
const VERSION_3: &[u8] = include_bytes!("fixtures/version-3.gsr");
const VERSION_4: &[u8] = include_bytes!("fixtures/version-4.gsr");
const VERSION_5: &[u8] = include_bytes!("fixtures/version-5.gsr");
const VERSION_6: &[u8] = include_bytes!("fixtures/version-6.gsr");
const VERSION_1_SWEEP: &[u8] = include_bytes!("fixtures/version-1-sweep.gsr");

/// The highest ids that a version's fixture has.
struct Highest {
    op: u8,
    stage: u8,
    hook: u8,
    loss: u8,
    /// Below `hook`: what only later versions have.
    later_hooks: std::ops::RangeInclusive<u8>,
}

/// The hooks that version 6 is the first to have.
const SINCE_6: std::ops::RangeInclusive<u8> = 41..=47;
#[expect(clippy::reversed_empty_ranges, reason = "none")]
const NONE: std::ops::RangeInclusive<u8> = 1..=0;

const HIGHEST_1: Highest = Highest { op: 17, stage: 24, hook: 35, loss: 5, later_hooks: SINCE_6 };
const HIGHEST_2: Highest = Highest { op: 18, stage: 26, hook: 37, loss: 5, later_hooks: SINCE_6 };
const HIGHEST_3: Highest = Highest { op: 22, stage: 28, hook: 56, loss: 7, later_hooks: SINCE_6 };
const HIGHEST_4: Highest = Highest { op: 22, stage: 28, hook: 56, loss: 7, later_hooks: SINCE_6 };
const HIGHEST_6: Highest = Highest { op: 22, stage: 35, hook: 56, loss: 7, later_hooks: NONE };
const HIGHEST_CAUSE: u8 = 33;

fn up_to<T>(highest: u8, from_id: impl Fn(u8) -> Option<T>) -> Vec<T> {
    (0..=highest).filter_map(from_id).collect()
}

fn hooks(highest: &Highest) -> Vec<HookId> {
    up_to(highest.hook, HookId::from_id).into_iter().filter(|hook| !highest.later_hooks.contains(&hook.id())).collect()
}

fn environment(clock: Clock, highest: &Highest, detail: Option<Watched>) -> Frame {
    let text = |text: &str| Some(text.to_owned());
    let hooks = hooks(highest).into_iter().map(|hook| match hook.id() % 3 {
        0 => HookStatus { hook, attached_by: None, symbol: None, problem: text("the kernel has no such function") },
        1 => HookStatus { hook, attached_by: text("fentry"), symbol: text("gntdev_ioctl"), problem: None },
        _ => HookStatus { hook, attached_by: text("kprobe"), symbol: text("other.isra.0"), problem: text("a module") },
    });
    Frame::Environment(Environment {
        run: "a run – with a dash".into(),
        host: "board".into(),
        kernel: "6.12.43+deb13-amd64".into(),
        xen: (clock == Clock::Counted).then(|| "4.17.5".into()),
        arch: "aarch64".into(),
        page_size: 65_536,
        clock,
        tool: "0.1.0".into(),
        started_unix_ms: 1_764_127_605_123,
        hooks: hooks.collect(),
        detail,
    })
}

/// One operation of each kind, with every buffer kind, known and unknown values, every stage, and the smallest and largest numbers.
fn operations(highest: &Highest, details: impl Fn(Op) -> Vec<Detail>) -> Vec<Operation> {
    let stages = up_to(highest.stage, Stage::from_id);
    let operation = |op: Op| {
        let id = u64::from(op.id());
        let span = |&stage: &Stage| StageSpan {
            stage,
            self_ns: id << stage.id(),
            first_offset_ns: u32::MAX >> (stage.id() % 32),
            calls: u16::MAX >> (stage.id() % 16),
        };
        Operation {
            start_ns: 1_000_000_000 * id,
            duration_ns: if id == 1 { u64::MAX } else { 1_234 * id },
            op,
            buffer: Buffer::from_id(op.id() % 5),
            pages: (id % 4 != 0).then_some(1 << id),
            outcome: if id % 3 == 0 { Outcome::Errno(22 + i32::from(op.id())) } else { Outcome::Ok },
            domid: (id % 2 == 0).then_some(0x7FF0 + u16::from(op.id())),
            tgid: 4_000_000 + u32::from(op.id()),
            tid: u32::from(op.id()),
            comm: if id % 2 == 0 { "(softirq)".into() } else { "gr\u{fc}n".into() },
            map_generation_ns: (id % 5 != 0).then_some(id << 40),
            stages_incomplete: id % 7 == 0,
            log: Log::new(),
            is_sounded: false,
            phase: None,
            stages: stages.iter().skip(id as usize % 20).map(span).collect(),
            details: details(op),
        }
    };
    up_to(highest.op, Op::from_id).into_iter().map(operation).collect()
}

/// The same, each twice with a log of its own: every hook, at every end. Some were sounded.
fn operations_with_logs(highest: &Highest, detail: Watched, details: impl Fn(Op) -> Vec<Detail>) -> Vec<Operation> {
    let hooks = hooks(highest);
    let logged = |(number, operation): (usize, Operation)| {
        let mut at_ns = 0;
        let event = |&hook: &HookId| {
            let edge = [Edge::Entry, Edge::Return, Edge::Mark][(number + usize::from(hook.id())) % 3];
            at_ns += if edge == Edge::Mark { 0 } else { 1 << (hook.id() % 40) };
            Event::new(Event::code(hook, edge), at_ns)
        };
        let log: Vec<_> = hooks.iter().skip(number).map(event).collect();
        let attempts = if operation.op == Op::Teardown { 3 } else { 0 };
        let stages = stages::of(detail, operation.op, operation.duration_ns, attempts, &log).stages;
        Operation { stages, log: log.into(), is_sounded: number % 4 == 1, ..operation }
    };
    let again = |operation: Operation| [operation.clone(), Operation { duration_ns: operation.duration_ns / 2, ..operation }];
    operations(highest, details)
        .into_iter()
        .enumerate()
        .flat_map(|(number, operation)| again(operation).map(|operation| logged((number, operation))))
        .collect()
}

fn calibration(highest: &Highest) -> Frame {
    let cost =
        |id: u8| Cost { before_ps: i32::MIN >> (id % 32), after_ps: 70_000 + i32::from(id), error_ps: u32::MAX >> (id % 32) };
    let crossing = |hook: HookId| Crossing {
        hook,
        edge: [Edge::Entry, Edge::Return, Edge::Mark][usize::from(hook.id() % 3)],
        op: Op::from_id(hook.id() % 23),
        buffer: Buffer::from_id(hook.id() % 5),
        cost: cost(hook.id()),
        sounded: cost(hook.id() + 1),
        count: 1_000 * u32::from(hook.id()),
    };
    let crossings = hooks(highest).into_iter().map(crossing).collect();
    Frame::Calibration(Calibration { at_ns: 24_400_000_000, crossings })
}

fn loss(highest: &Highest) -> Frame {
    let counter = |kind: LossKind| {
        let hook = HookId::from_id(1 + kind.id()).expect("the first hooks have these ids");
        LossCounter { hook, kind, count: 10_u64.pow(u32::from(kind.id())) }
    };
    let counters = up_to(highest.loss, LossKind::from_id).into_iter().map(counter).collect();
    Frame::Loss(LossReport { at_ns: 23_000_000_000, counters })
}

const TICK: Frame = Frame::Tick { at_ns: 24_000_000_000 };
const END: Frame = Frame::End { at_ns: u64::MAX };

fn started_by(op: Op) -> Vec<Detail> {
    if op == Op::Teardown { vec![Detail::StartedBy(Op::Munmap)] } else { Vec::new() }
}

fn every_detail(op: Op) -> Vec<Detail> {
    let causes = up_to(HIGHEST_CAUSE, Cause::from_id).into_iter().map(Detail::Cause);
    match op {
        Op::Export => causes.collect(),
        Op::MapRefs => vec![Detail::Caller("xen_blkbk_map [xen_blkback]".into())],
        Op::BatchCopy => vec![
            Detail::Caller("xenvif_tx_action".into()),
            Detail::Cause(Cause::GrantsRefused),
            Detail::Status { status: -3, count: 1 },
            Detail::Status { status: UNREAD, count: u32::MAX },
            Detail::Status { status: i16::MIN, count: 300 },
        ],
        other => started_by(other),
    }
}

/// `frames`: what version 6 is the first to say of a map with this number.
fn maps(frames: impl Fn(u64) -> (Option<Frames>, Option<Allocator>), direct_mapped: Option<bool>) -> Frame {
    let states = [
        MapState::Allocated,
        MapState::Mapped,
        MapState::Exported,
        MapState::Unmapped,
        MapState::TearingDown { since_ns: 1 << 40, by: Op::Close.id() },
        MapState::TearingDown { since_ns: 0, by: 0 },
    ];
    let holder = |by| Holder { tgid: 812, comm: "qemu-system-i38".into(), by };
    let map = |(id, state): (u64, MapState)| LiveMap {
        frames: frames(id).0,
        allocator: frames(id).1,
        id: id << 33,
        allocated_ns: (id != 0).then_some(id),
        owner: (id != 1).then_some(4_194_304),
        comm: "backend".into(),
        domid: (id != 2).then_some(7),
        buffer: Buffer::from_id(id as u8),
        pages: 2_025,
        state,
        owner_gone_ns: (id == 3).then_some(77),
        holders: [HeldBy::Descriptor, HeldBy::Memory, HeldBy::DmaBuf].into_iter().take(id as usize).map(holder).collect(),
    };
    let changed = (0..).zip(states).map(map).collect();
    Frame::Maps(MapsReport { at_ns: 24_100_000_000, changed, gone: vec![0, 300, u64::MAX], no_census: None, direct_mapped })
}

fn maps_before_6() -> Frame {
    maps(|_| (None, None), None)
}

fn maps_without_census() -> Frame {
    Frame::Maps(MapsReport { at_ns: 24_200_000_000, no_census: Some("no BTF of xen_gntdev".into()), ..MapsReport::default() })
}

fn filtered() -> [Frame; 2] {
    let all = Filter {
        pid: Some(812),
        comm: Some("backend".into()),
        domid: Some(7),
        buffers: vec![Buffer::Wc, Buffer::Foreign],
        min_duration_ns: 1_000_000,
        errors_only: true,
    };
    let report = |filter, left_out| Frame::Filtered(FilterReport { at_ns: 24_300_000_000, filter, left_out });
    [report(Filter { errors_only: true, ..Filter::default() }, 0), report(all, u64::MAX)]
}

fn version_1() -> Vec<Frame> {
    vec![
        environment(Clock::Wall, &HIGHEST_1, None),
        Frame::Operations(operations(&HIGHEST_1, |_| Vec::new())),
        loss(&HIGHEST_1),
        TICK,
        END,
    ]
}

fn version_2() -> Vec<Frame> {
    vec![
        environment(Clock::Counted, &HIGHEST_2, None),
        Frame::Operations(operations(&HIGHEST_2, started_by)),
        loss(&HIGHEST_2),
        TICK,
        END,
    ]
}

fn version_3() -> Vec<Frame> {
    let mut frames = vec![
        environment(Clock::Counted, &HIGHEST_3, None),
        Frame::Operations(operations(&HIGHEST_3, every_detail)),
        loss(&HIGHEST_3),
        TICK,
        maps_before_6(),
    ];
    frames.push(maps_without_census());
    frames.extend(filtered());
    frames.push(END);
    frames
}

fn version_4() -> Vec<Frame> {
    since_version_4(&HIGHEST_4, every_detail, maps_before_6())
}

fn since_version_4(highest: &Highest, details: impl Fn(Op) -> Vec<Detail>, maps: Frame) -> Vec<Frame> {
    let operations = operations_with_logs(highest, Watched::Full, details);
    let (first, second) = operations.split_at(operations.len() / 2);
    let mut frames = vec![environment(Clock::Wall, highest, Some(Watched::Full))];
    frames.extend([first, &[], second].map(|some| Frame::Operations(some.to_vec())));
    frames.extend([calibration(highest), loss(highest), TICK, maps, maps_without_census()]);
    frames.extend(filtered());
    frames.push(END);
    frames
}

fn version_5() -> Vec<Frame> {
    since_version_5(version_4())
}

fn since_version_5(mut frames: Vec<Frame>) -> Vec<Frame> {
    let end = frames.pop();
    frames.extend([1, u64::MAX].map(|at_ns| {
        let memory_bytes = (at_ns == 1).then_some(16 << 20);
        Frame::Recorder(RecorderReport { at_ns, cpu_ns: at_ns, memory_bytes, most_memory_bytes: 1 << 40 })
    }));
    let names = ["", "second try", "c\u{e2}ble out \u{1b}[1m", &"x".repeat(64)];
    frames.extend((0..).zip(names).map(|(number, name)| Frame::Mark(Mark::new(number << 40, name))));
    frames.extend(end);
    frames
}

fn version_6() -> Vec<Frame> {
    let details = |op: Op| match op {
        Op::AttachmentMap => vec![
            Detail::Mapping { entries: Some(u32::MAX), bounces: Some(1), bounced_bytes: Some(u64::MAX) },
            Detail::Cause(Cause::GrantsRefused),
        ],
        Op::Attach => vec![Detail::Mapping { entries: None, bounces: None, bounced_bytes: None }],
        Op::Map => vec![Detail::Allocator(Allocator::Buddy)],
        Op::Release => vec![Detail::Allocator(Allocator::Cma)],
        other => every_detail(other),
    };
    let frames = |id: u64| {
        let same_pages = (id != 1).then_some(300);
        let frames = Frames { pfn_runs: 128, bfn_runs: 2_025, split_runs: 127, longest_split_pages: 1_000, same_pages };
        ((id != 0).then_some(frames), Allocator::from_id(id as u8))
    };
    since_version_5(since_version_4(&HIGHEST_6, details, maps(frames, Some(true))))
}

fn read(bytes: &[u8]) -> Vec<Frame> {
    let mut reader = Reader::open(bytes).expect("a recording");
    std::iter::from_fn(|| reader.next_frame().expect("nothing of it is damaged")).collect()
}

fn written(frames: &[Frame]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    frames.iter().for_each(|frame| writer.write(frame).expect("a Vec takes everything"));
    writer.into_inner()
}

/// The version that a recording says it has.
fn version_of(bytes: &[u8]) -> u16 {
    u16::from_le_bytes([bytes[6], bytes[7]])
}

#[test]
fn every_version_is_read_to_the_values_of_today() {
    let fixtures = [
        (VERSION_1, version_1()),
        (VERSION_2, version_2()),
        (VERSION_3, version_3()),
        (VERSION_4, version_4()),
        (VERSION_5, version_5()),
        (VERSION_6, version_6()),
    ];
    for (version, (bytes, values)) in (1..).zip(fixtures) {
        assert_eq!(version_of(bytes), version);
        assert_eq!(read(bytes), values, "version {version}");
    }
}

#[test]
fn the_newest_version_has_a_fixture_and_is_written_byte_for_byte_as_it() {
    assert_eq!(version_of(VERSION_6), VERSION, "write a fixture of the new version, and keep the one of the old");
    assert_eq!(written(&version_6()), VERSION_6);
}

#[test]
fn a_recording_of_version_5_has_nothing_of_mappings() {
    let mut older = VERSION_6.to_vec();
    older[6] = 5;
    let mut reader = Reader::open(&older[..]).unwrap();
    assert!(matches!(reader.next_frame(), Ok(Some(Frame::Environment(_)))));
    assert!(reader.next_frame().unwrap_err().to_string().contains("a frame that cannot be decoded"));
}

#[test]
fn a_recording_of_version_4_has_no_marks() {
    let mut older = VERSION_5.to_vec();
    older[6] = 4;
    let mut reader = Reader::open(&older[..]).unwrap();
    let frames = version_5();
    let before = frames.iter().take_while(|frame| !matches!(frame, Frame::Mark(_)));
    before.for_each(|frame| assert_eq!(reader.next_frame().unwrap().as_ref(), Some(frame)));
    assert!(reader.next_frame().unwrap_err().to_string().contains("a frame that cannot be decoded"));
}

#[test]
fn a_recording_of_version_1_is_read_whole() {
    assert_eq!(VERSION_1_SWEEP[6..8], [1, 0]);
    let mut aggregate = Aggregate::default();
    read(VERSION_1_SWEEP).iter().for_each(|frame| aggregate.add(frame));
    assert!(aggregate.ended());
    assert_eq!(aggregate.operations(), 2_423);
}
