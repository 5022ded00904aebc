//! How fast the probes' records become operations, and what is made of these, on one core: `cargo xtask bench collector` runs it, for each
//! measure anew, and prints the table. Arguments: a measure, a recording, and how often its operations are to be repeated.
//!
//! The records are made of the recording's operations, as the probes write them, but for teardowns: each has a record of its own.
//! A line per figure, `NAME VALUE`: operations; the best run's nanoseconds.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use grantscope_analysis::model::{Environment, Operation, Outcome};
use grantscope_analysis::recording::{Frame, FrameSink, Reader, Writer};
use grantscope_analysis::series::Aggregate;
use grantscope_collector::Decoder;
use grantscope_wire::record::{DOMID_KNOWN, HEADER_BYTES, MAX_EVENTS, PAGES_KNOWN};
use grantscope_wire::{Buffer, Detail, OpHeader};

/// The best of so many runs is what it takes: nothing makes a run too fast.
const RUNS: usize = 7;
/// About as many records the recorder finds each time that it looks.
const RECORDS_AT_ONCE: usize = 256;

type Outcomes<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcomes<()> {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [measure, path, times] = &arguments[..] else {
        // `cargo test --benches` and the like give none.
        return Ok(());
    };
    let operations = operations(&fs::read(path)?)?;
    let records: Vec<_> = operations.iter().filter_map(record).collect();
    let times = times.parse()?;
    let best = match measure.as_str() {
        "decode" => best(|| each(&records, times, false, |operations| drop(black_box(operations)))),
        "record" => best(|| {
            let mut writer = Writer::begin(io::sink(), &Environment::default()).expect("it takes everything");
            each(&records, times, true, |operations| writer.put(Frame::Operations(operations)).expect("it takes everything"));
        }),
        "watch" => best(|| {
            let mut aggregate = Aggregate::default();
            each(&records, times, false, |operations| aggregate.add(&Frame::Operations(operations)));
        }),
        other => return Err(format!("no measure {other:?}: decode, record or watch").into()),
    };
    println!("operations {}\nns {}", records.len() * times, best.as_nanos());
    Ok(())
}

/// The shortest run.
fn best(run: impl Fn()) -> Duration {
    let timed = (0..RUNS).map(|_| {
        let begun = Instant::now();
        run();
        begun.elapsed()
    });
    timed.min().unwrap_or_default()
}

/// Decodes all records so often, and hands on their operations in portions.
fn each(records: &[Vec<u8>], times: usize, leave_out_stages: bool, mut take: impl FnMut(Vec<Operation>)) {
    let mut decoder = Decoder::new(Detail::Stages);
    if leave_out_stages {
        decoder.leave_out_stages();
    }
    for portion in (0..times).flat_map(|_| records.chunks(RECORDS_AT_ONCE)) {
        let mut operations = Vec::new();
        for record in portion {
            decoder.operations(record, |_| None, |operation| operations.push(operation)).expect("it was made of an operation");
        }
        take(operations);
    }
}

fn operations(bytes: &[u8]) -> Outcomes<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut reader = Reader::open(bytes)?;
    while let Some(frame) = reader.next_frame()? {
        if let Frame::Operations(some) = frame {
            operations.extend(some);
        }
    }
    Ok(operations)
}

/// As the probes write it; `None`: it has more events than a record.
fn record(operation: &Operation) -> Option<Vec<u8>> {
    let event_count = u8::try_from(operation.log.len()).ok().filter(|&count| usize::from(count) < MAX_EVENTS)?;
    let mut comm = [0; 16];
    comm.iter_mut().zip(operation.comm.bytes()).for_each(|(byte, named)| *byte = named);
    let known = |is_known: bool, flag| if is_known { flag } else { 0 };
    let head = OpHeader {
        start_ns: operation.start_ns,
        duration_ns: operation.duration_ns,
        map_generation_ns: operation.map_generation_ns.unwrap_or(0),
        tgid: operation.tgid,
        tid: operation.tid,
        comm,
        pages: operation.pages.unwrap_or(0),
        ret: if let Outcome::Errno(errno) = operation.outcome { -errno } else { 0 },
        domid: operation.domid.unwrap_or(0),
        op: operation.op.id(),
        buffer: operation.buffer.map_or(0, Buffer::id),
        event_count,
        flags: known(operation.pages.is_some(), PAGES_KNOWN) | known(operation.domid.is_some(), DOMID_KNOWN),
        started_by: operation.started_by().map_or(0, |op| op.id()),
        ..OpHeader::default()
    };
    // SAFETY: plain old data without padding.
    let head = unsafe { std::slice::from_raw_parts((&raw const head).cast::<u8>(), HEADER_BYTES) };
    let events = operation.log.iter().flat_map(|event| event.0.to_ne_bytes());
    Some(head.iter().copied().chain(events).collect())
}
