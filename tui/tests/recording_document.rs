//! `docs/recording.md` shows the bytes of a small recording: they are the bytes that the writer writes.

mod support;

use grantscope_analysis::live::ledger::{HeldBy, Holder, LiveMap, MapState, MapsReport};
use grantscope_analysis::model::{Environment, LossReport};
use grantscope_analysis::recording::{Frame, Reader};
use grantscope_wire::{Buffer, Op, Stage};
use support::builder;

const DOCUMENT: &str = include_str!("../../docs/recording.md");

fn example() -> Vec<Frame> {
    let environment = Environment { hooks: Vec::new(), started_unix_ms: 1_700_000_000_000, ..builder::environment() };
    let operation = builder::operation(Op::Export, Buffer::Wc, 16, 1_000_000, &[(Stage::Remainder, 300), (Stage::DmaAlloc, 700)]);
    vec![
        Frame::Environment(environment),
        Frame::Operations(vec![operation]),
        Frame::Loss(LossReport { at_ns: 2_000_000, counters: Vec::new() }),
        Frame::Maps(MapsReport { at_ns: 2_000_000, changed: vec![exported()], gone: Vec::new(), no_census: None }),
        Frame::End { at_ns: 2_000_000 },
    ]
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
