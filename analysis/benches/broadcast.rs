//! What a frame costs whoever records: to a file alone, and to viewers beside it, who read or stand still.
//!
//! `cargo bench -p grantscope-analysis --bench broadcast` prints a line for each: nanoseconds an operation, the median frame's and the
//! longest one's, on the thread that puts it; and the bytes that are kept for viewers are at most `MOST_KEPT_BYTES`.

use std::env;
use std::error::Error;
use std::io;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use grantscope_analysis::model::{Environment, Operation, Outcome};
use grantscope_analysis::recording::{Broadcast, Frame, FrameSink, MOST_VIEWERS, Unblocked, Viewers};
use grantscope_wire::{Buffer, Edge, Event, HookId, Op};

/// Frames of so many operations, as often, so far apart: 20,000 operations a second, for 10 s.
const OPERATIONS: u64 = 2_000;
const FRAMES: u64 = 100;
const APART: Duration = Duration::from_millis(100);
/// Events of an operation: as many as an export has.
const EVENTS: u64 = 20;

fn main() -> Result<(), Box<dyn Error>> {
    if !env::args().any(|argument| argument == "--bench") {
        // `cargo test --benches` is to be quick.
        return Ok(());
    }
    measure("file alone", Unblocked::new(io::sink())?)?;
    for (name, viewers, is_read) in
        [("no viewer", 0, true), ("viewers that read", MOST_VIEWERS, true), ("viewers that stand still", MOST_VIEWERS, false)]
    {
        let sink = Broadcast::new(Some(Unblocked::new(io::sink())?))?;
        let held = add(&sink.viewers(), viewers, is_read)?;
        measure(&format!("file and {viewers} {name}"), sink)?;
        drop(held);
    }
    Ok(())
}

/// Adds viewers; gives back the ends that nobody reads.
fn add(viewers: &Viewers, count: usize, is_read: bool) -> io::Result<Vec<UnixStream>> {
    let mut held = Vec::new();
    for _ in 0..count {
        let (ours, mut its) = UnixStream::pair()?;
        viewers.add(ours)?;
        if is_read {
            thread::spawn(move || io::copy(&mut its, &mut io::sink()));
        } else {
            held.push(its);
        }
    }
    Ok(held)
}

fn measure(name: &str, mut sink: impl FrameSink) -> io::Result<()> {
    sink.put(Frame::Environment(Environment::default()))?;
    let mut times = Vec::new();
    for number in 0..FRAMES {
        let frame = Frame::Operations((0..OPERATIONS).map(|place| operation(number * OPERATIONS + place)).collect());
        thread::sleep(APART);
        let begun = Instant::now();
        sink.put(frame)?;
        times.push(begun.elapsed().as_nanos() as u64 / OPERATIONS);
    }
    times.sort_unstable();
    println!("{name}: {} ns an operation, at most {}", times[times.len() / 2], times[times.len() - 1]);
    sink.put_last(Frame::End { at_ns: 0 })
}

fn operation(number: u64) -> Operation {
    let event = |place| Event::new(Event::code(HookId::GntdevIoctl, Edge::Entry), 100 * place + number % 7);
    Operation {
        start_ns: number * 50_000,
        duration_ns: 100 * EVENTS + number % 11,
        op: Op::Export,
        buffer: Some(Buffer::Wc),
        pages: Some(1 << (number % 8)),
        outcome: Outcome::Ok,
        domid: Some(1),
        tgid: 7,
        tid: 7 + (number % 4) as u32,
        comm: "backend".into(),
        map_generation_ns: Some(number * 50_000),
        stages_incomplete: false,
        stages: Default::default(),
        log: (0..EVENTS).map(event).collect(),
        is_sounded: false,
        phase: None,
        details: Vec::new(),
    }
}
