//! `docs/recording.md` shows the bytes of a small recording: they are the bytes that the writer writes.

mod support;

use grantscope_analysis::model::{Calibration, Cost, Crossing, Environment, Log, LossReport, Operation};
use grantscope_analysis::model::{Frames, HeldBy, Holder, LiveMap, MapState, MapsReport, Mark, RecorderReport};
use grantscope_analysis::recording::{Frame, Reader};
use grantscope_analysis::stages;
use grantscope_wire::{Allocator, Buffer, Detail, Edge, Event, HookId, Op};
use support::builder;

const DOCUMENT: &str = include_str!("../../docs/recording.md");

fn example() -> Vec<Frame> {
    let environment = Environment {
        hooks: Vec::new(),
        started_unix_ms: 1_700_000_000_000,
        detail: Some(Detail::Stages),
        ..builder::environment()
    };
    vec![
        Frame::Environment(environment),
        Frame::Calibration(calibration()),
        Frame::Operations(vec![export(1_000_000, [200, 900], 1_000), export(1_005_000, [190, 910], 1_010)]),
        Frame::Loss(LossReport { at_ns: 2_000_000, counters: Vec::new() }),
        Frame::Recorder(recorder()),
        Frame::Maps(MapsReport {
            at_ns: 2_000_000,
            changed: vec![exported()],
            direct_mapped: Some(true),
            ..MapsReport::default()
        }),
        Frame::Mark(Mark::new(2_000_000, "cable out")),
        Frame::End { at_ns: 2_000_000 },
    ]
}

/// An export that allocates from here to there.
fn export(start_ns: u64, [from, to]: [u64; 2], duration_ns: u64) -> Operation {
    let event = |edge, at_ns| Event::new(Event::code(HookId::GnttabDmaAllocPages, edge), at_ns);
    let log: Log = [event(Edge::Entry, from), event(Edge::Mark, from), event(Edge::Return, to)].into_iter().collect();
    let stages = stages::of(Detail::Stages, Op::Export, duration_ns, 0, &log).stages;
    let map_generation_ns = Some(start_ns + 100);
    let made_up = builder::operation(Op::Export, Buffer::Wc, 16, start_ns, &[]);
    Operation { duration_ns, stages, log, map_generation_ns, ..made_up }
}

fn recorder() -> RecorderReport {
    RecorderReport { at_ns: 2_000_000, cpu_ns: 700_000, memory_bytes: Some(16 << 20), most_memory_bytes: 24 << 20 }
}

fn calibration() -> Calibration {
    let cost = |before_ps, after_ps| Cost { before_ps, after_ps, error_ps: 500 };
    let crossing = Crossing {
        hook: HookId::GnttabDmaAllocPages,
        edge: Edge::Return,
        op: Some(Op::Export),
        buffer: None,
        cost: cost(120_000, 40_000),
        sounded: cost(150_000, 60_000),
        count: 1_000,
    };
    Calibration { at_ns: 900_000, crossings: vec![crossing] }
}

fn exported() -> LiveMap {
    LiveMap {
        id: 1,
        allocated_ns: Some(1_000_000),
        owner: Some(1),
        comm: "test".to_owned(),
        domid: Some(1),
        buffer: Some(Buffer::Wc),
        pages: 16,
        state: MapState::Exported,
        owner_gone_ns: None,
        holders: vec![Holder { tgid: 1, comm: "test".to_owned(), by: HeldBy::Descriptor }],
        frames: Some(Frames { pfn_runs: 1, bfn_runs: 3, split_runs: 1, longest_split_pages: 16, same_pages: Some(0) }),
        allocator: Some(Allocator::Cma),
    }
}

/// The bytes of the document's one block of hex: what stands before `;` in each line.
fn documented() -> Vec<u8> {
    let block = DOCUMENT.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a block of hex");
    let digits = block.lines().flat_map(|line| line.split(';').next().unwrap_or_default().split_whitespace());
    digits.map(|byte| u8::from_str_radix(byte, 16).expect("two hex digits")).collect()
}

#[test]
fn the_documented_bytes_are_those_that_are_written() {
    let written = builder::bytes(&example());
    let hex: Vec<String> = written.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(documented(), written, "edit the example in docs/recording.md:\n{}", hex.join(" "));
}

#[test]
fn the_documented_bytes_are_read_as_documented() {
    let bytes = documented();
    let mut reader = Reader::open(bytes.as_slice()).unwrap();
    let frames: Vec<_> = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
    assert_eq!(frames, example());
}
