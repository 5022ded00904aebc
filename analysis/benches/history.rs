//! How much memory the history of a recording takes, and how long it takes to keep and to draw it:
//! `cargo bench -p grantscope-analysis --bench history`.
//!
//! A line per stream, or of the one that is named: operations are made up with a fixed seed, 1,000 a second of 60 series with stages, for an
//! hour, and for a day; and a stream that is made to break it. `kib` is the most memory of a process that keeps nothing else but the aggregate
//! beside it, `alone_kib` of one that keeps that alone. Then the time of an operation that is added, and of a question to all that is there:
//! a heat map as large as a large terminal, of all series (`heat`) and of `some`, and the worst slice by p99.

use std::error::Error;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use fastrand::Rng;
use grantscope_analysis::history::{By, History, Which};
use grantscope_analysis::model::{Environment, Log, Operation, Outcome, StageSpan};
use grantscope_analysis::quantile::P99;
use grantscope_analysis::recording::Frame;
use grantscope_analysis::series::{Aggregate, SeriesKey};
use grantscope_wire::{Buffer, Op, Stage};

type Done<T> = Result<T, Box<dyn Error>>;

/// What is read.
struct Stream {
    name: &'static str,
    operations: u64,
    make: fn(u64, &mut Rng) -> Operation,
}

const STREAMS: [Stream; 4] = [
    Stream { name: "minute", operations: 60_000, make: ordinary },
    Stream { name: "hour", operations: 3_600_000, make: ordinary },
    Stream { name: "day", operations: 86_400_000, make: ordinary },
    Stream { name: "hostile", operations: 5_000_000, make: hostile },
];

/// As many columns and rows has a large terminal.
const SIZE: (usize, usize) = (200, 60);

const HEADINGS: [&str; 11] =
    ["stream", "operations", "bytes", "most", "kib", "alone_kib", "slices", "add_ns", "heat_us", "some_us", "worst_us"];

fn main() -> Done<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [name, what @ ("with" | "alone")] = &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return one(name, *what == "with");
    }
    // `cargo test --benches` and the like do not say this.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let is_wanted = |stream: &&Stream| arguments.len() < 2 || arguments.iter().any(|argument| argument == stream.name);
    print_row(&HEADINGS);
    STREAMS.iter().filter(is_wanted).try_for_each(|stream| {
        let (with, alone) = (apart(stream.name, "with")?, apart(stream.name, "alone")?);
        let mut cells: Vec<_> = with.split_whitespace().collect();
        cells.insert(3, alone.trim());
        let operations = stream.operations.to_string();
        print_row(&[&[stream.name, &operations], &cells[..]].concat());
        Ok(())
    })
}

fn print_row(cells: &[&str]) {
    let cells: Vec<_> = cells.iter().map(|cell| format!("{cell:>10}")).collect();
    println!("{}", cells.join(" "));
}

/// In a process of its own, whose memory is that of this stream alone.
fn apart(name: &str, what: &str) -> Done<String> {
    let output = Command::new(env::current_exe()?).args([name, what]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn one(name: &str, with_history: bool) -> Done<()> {
    let stream = STREAMS.iter().find(|stream| stream.name == name).ok_or("no such stream")?;
    let (mut aggregate, mut history) = (Aggregate::default(), History::default());
    let mut rng = Rng::with_seed(7);
    let mut took = Duration::ZERO;
    let environment = Frame::Environment(Environment::default());
    aggregate.add(&environment);
    for begin in (0..stream.operations).step_by(100) {
        let operations = (begin..begin + 100).map(|number| (stream.make)(number, &mut rng)).collect();
        let frame = Frame::Operations(operations);
        aggregate.add(&frame);
        if with_history {
            let begun = Instant::now();
            history.add(&frame, &aggregate);
            took += begun.elapsed();
        }
    }
    if !with_history {
        println!("{}", peak_kib()?);
        return Ok(());
    }
    let kib = peak_kib()?;
    let window = history.window().ok_or("nothing was read")?;
    let counted = history.interval(Which::All, window).map(|interval| interval.events.operations);
    assert_eq!(counted, Some(stream.operations), "operations were lost");
    let slices = history.slices();
    let heat = best_us(|| history.heat(Which::All, window, SIZE.0, SIZE.1));
    let is_one = |key: &SeriesKey| key.pages == Some(7);
    let some = best_us(|| history.heat(Which::Of(&is_one), window, SIZE.0, SIZE.1));
    let worst = best_us(|| history.worst(Which::All, window, By::Quantile(P99)));
    let ns = took.as_nanos() as u64 / stream.operations;
    println!("{} {} {kib} {slices} {ns} {heat} {some} {worst}", history.bytes(), history.most_bytes());
    Ok(())
}

fn best_us<T>(run: impl Fn() -> T) -> u128 {
    let once = || {
        let begun = Instant::now();
        black_box(run());
        begun.elapsed().as_micros()
    };
    (0..5).map(|_| once()).min().unwrap_or_default()
}

/// The most memory of this process so far.
fn peak_kib() -> Done<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    // proc_pid_status(5).
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel does not say VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").to_owned())
}

/// One of 60 series, each with two modes and a tail; in time but for what a thread hands over late.
fn ordinary(number: u64, rng: &mut Rng) -> Operation {
    let series = rng.u32(0..60);
    let mode = if rng.u32(0..10) == 0 { 3 } else { 1 };
    let tail = if rng.u32(0..200) == 0 { rng.u64(1..20) } else { 1 };
    let duration_ns = (10_000 + u64::from(series) * 5_000) * mode * tail * rng.u64(95..106) / 100;
    let late_ns = rng.u64(0..100_000_000);
    let end_ns = 1_000_000_000 + number * 1_000_000 - late_ns;
    operation(series / 3, series % 3, end_ns, duration_ns)
}

/// Of 20,000 series, of any duration, with a clock that jumps.
fn hostile(number: u64, rng: &mut Rng) -> Operation {
    let end_ns = match rng.u32(0..4) {
        0 => rng.u64(..),
        1 => u64::MAX,
        2 => number * 1_000,
        _ => rng.u64(0..3_600_000_000_000),
    };
    operation(rng.u32(0..6_667), rng.u32(0..3), end_ns, rng.u64(..) >> rng.u32(0..64))
}

fn operation(pages: u32, kind: u32, end_ns: u64, duration_ns: u64) -> Operation {
    let part = duration_ns / 4;
    let span = |stage, place: u64, self_ns| StageSpan { stage, self_ns, first_offset_ns: (place * part) as u32, calls: 1 };
    let stages = [Stage::ArgumentCopy, Stage::PageArrayAlloc, Stage::DmaAlloc];
    let stages = (0..).zip(stages).map(|(place, stage)| span(stage, place, part));
    Operation {
        start_ns: end_ns.saturating_sub(duration_ns),
        duration_ns,
        op: Op::Export,
        buffer: Some([Buffer::Pages, Buffer::Wc, Buffer::Coherent][kind as usize]),
        pages: Some(pages),
        outcome: Outcome::Ok,
        domid: Some(1),
        tgid: 7,
        tid: 7,
        comm: "backend".into(),
        map_generation_ns: None,
        stages_incomplete: false,
        stages: stages.chain([span(Stage::Remainder, 3, duration_ns - 3 * part)]).collect(),
        log: Log::new(),
        is_sounded: false,
        phase: None,
        details: Vec::new(),
    }
}
