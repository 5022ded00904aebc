//! How fast recordings are written, read, added up, compared and exported: `cargo xtask bench collector` runs it, for each measure anew,
//! and prints the table. Arguments: a measure, a recording, and how often its operations are to be repeated.
//!
//! A line per figure, `NAME VALUE`: operations, their events, series, those that are judged; the best run's nanoseconds; the most memory in
//! KiB.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::BufReader;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs, io};

use grantscope_analysis::decide::{Comparison, Rule, compare};
use grantscope_analysis::merge::Merged;
use grantscope_analysis::model::Operation;
use grantscope_analysis::recording::{Frame, FrameSink, Reader, Writer};
use grantscope_analysis::report::export;
use grantscope_analysis::runs::Run;
use grantscope_analysis::runs::csv::table;
use grantscope_analysis::series::Aggregate;

/// The best of so many runs is what it takes: nothing makes a run too fast.
const RUNS: usize = 7;
/// So many files are merged.
const FILES: usize = 100;
/// What is compared by many series has at least so many that are judged.
const MANY_SERIES: usize = 2_000;
/// More pages than an operation of the scenarios has.
const OTHER_PAGES: u32 = 1 << 16;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [measure, path, times] = &arguments[..] else {
        // `cargo test --benches` and the like give none.
        return Ok(());
    };
    match measure.as_str() {
        "memory of add up" => return memory(|| streamed(Path::new(path))),
        "memory of compare" => return memory(|| compared(|| streamed(Path::new(path)))),
        _ => {}
    }
    let bytes = repeated(&frames(&fs::read(path)?)?, times.parse()?)?;
    match measure.as_str() {
        "write" => {
            let frames = frames(&bytes)?;
            report(&bytes, best(|| frames.to_vec(), written)?)
        }
        "read" => report(&bytes, best(|| (), |()| read(&bytes, |frame| drop(black_box(frame))))?),
        "add up" => {
            report(&bytes, best(|| (), |()| added_up(&bytes))?)?;
            memory_apart(&bytes, "memory of add up")
        }
        "compare" => {
            report(&bytes, best(|| (), |()| compared(|| added_up(&bytes)))?)?;
            memory_apart(&bytes, "memory of compare")
        }
        "compare series" => {
            let bytes = of_many_series(&frames(&fs::read(path)?)?)?;
            report(&bytes, best(|| (), |()| compared(|| added_up(&bytes)))?)
        }
        "export" => {
            let aggregate = added_up(&bytes)?;
            println!("series {}", aggregate.series().count());
            report(&bytes, best(|| (), |()| Ok((export::CSV.write)(&aggregate, export::Audience::Program, &mut io::sink())?))?)
        }
        "merge" => {
            let files = files(&added_up(&bytes)?)?;
            report(&bytes, best(|| (), |()| merged(&files))?)
        }
        other => Err(format!("no measure {other:?}: write, read, add up, compare, compare series, export or merge").into()),
    }
}

fn report(bytes: &[u8], best: Duration) -> Outcome<()> {
    let (mut operations, mut events) = (0, 0);
    read(bytes, |frame| {
        if let Frame::Operations(some) = frame {
            operations += some.len();
            events += some.iter().map(|operation| operation.log.len()).sum::<usize>();
        }
    })?;
    println!("operations {operations}\nevents {events}\nbytes {}\nns {}", bytes.len(), best.as_nanos());
    Ok(())
}

/// The shortest run. What `prepare` does does not count.
fn best<P, T>(prepare: impl Fn() -> P, run: impl Fn(P) -> Outcome<T>) -> Outcome<Duration> {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let prepared = prepare();
        let begun = Instant::now();
        let done = run(prepared)?;
        best = best.min(begun.elapsed());
        drop(black_box(done));
    }
    Ok(best)
}

fn read(bytes: &[u8], mut take: impl FnMut(Frame)) -> Outcome<()> {
    let mut reader = Reader::open(bytes)?;
    while let Some(frame) = reader.next_frame()? {
        take(frame);
    }
    Ok(())
}

fn frames(bytes: &[u8]) -> Outcome<Vec<Frame>> {
    let mut frames = Vec::new();
    read(bytes, |frame| frames.push(frame))?;
    Ok(frames)
}

fn added_up(bytes: &[u8]) -> Outcome<Aggregate> {
    let mut aggregate = Aggregate::default();
    read(bytes, |frame| aggregate.add(&frame))?;
    Ok(aggregate)
}

/// Two recordings, each read and added up on a thread, and compared, as `grantscope compare` does it.
fn compared(added_up: impl Fn() -> Outcome<Aggregate> + Sync) -> Outcome<Comparison> {
    let run = || added_up().map(|aggregate| Run::from(&aggregate)).map_err(|error| error.to_string());
    let (base, head) = std::thread::scope(|scope| {
        let base = scope.spawn(run);
        let head = run();
        (base.join(), head)
    });
    let names = ["base", "head"].map(str::to_owned);
    Ok(compare(names, &[base.map_err(|_| "a thread panicked")??], &[head?], &[Rule::default_one()], 0.01))
}

/// A hundred CSVs of as many runs, and how many lines each has.
fn files(aggregate: &Aggregate) -> Outcome<Vec<Vec<u8>>> {
    let mut file = Vec::new();
    (export::CSV.write)(aggregate, export::Audience::Program, &mut file)?;
    println!("files {FILES}\nseries {}", aggregate.series().count());
    Ok(vec![file; FILES])
}

/// Read and put together, as `grantscope merge` does it.
fn merged(files: &[Vec<u8>]) -> Outcome<Vec<u8>> {
    let mut all = Merged::default();
    for file in files {
        table(&file[..])?.runs.into_iter().try_for_each(|listed| all.add(listed))?;
    }
    let mut bytes = Vec::new();
    export::merged(&all, &mut bytes)?;
    Ok(bytes)
}

fn written(frames: Vec<Frame>) -> Outcome<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    frames.into_iter().try_for_each(|frame| writer.put(frame))?;
    Ok(writer.into_inner())
}

/// The most memory of a process that does nothing else.
fn memory<T>(run: impl Fn() -> Outcome<T>) -> Outcome<()> {
    let done = run()?;
    let status = fs::read_to_string("/proc/self/status")?;
    // proc_pid_status(5).
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel does not say VmHWM")?;
    println!("kib {}", line.trim().trim_end_matches(" kB"));
    drop(black_box(done));
    Ok(())
}

/// A recording that is added up as it comes.
fn streamed(path: &Path) -> Outcome<Aggregate> {
    let mut reader = Reader::open(BufReader::new(File::open(path)?))?;
    let mut aggregate = Aggregate::default();
    while let Some(frame) = reader.next_frame()? {
        aggregate.add(&frame);
    }
    Ok(aggregate)
}

/// What one of the measures of memory says in a process of its own.
fn memory_apart(bytes: &[u8], measure: &str) -> Outcome<()> {
    let path = env::temp_dir().join(format!("grantscope-recordings-{}.gsr", std::process::id()));
    fs::write(&path, bytes)?;
    let status = Command::new(env::current_exe()?).arg(measure).arg(&path).arg("1").status();
    fs::remove_file(&path)?;
    if status?.success() { Ok(()) } else { Err("the process whose memory was to be measured failed".into()) }
}

/// A recording that repeats its operations with other page counts each time, until so many series are judged.
fn of_many_series(frames: &[Frame]) -> Outcome<Vec<u8>> {
    let of_other_pages = |operation: &mut Operation, time: u32| {
        operation.pages = operation.pages.map(|pages| pages + time * OTHER_PAGES);
    };
    for times in 1..=MANY_SERIES as u32 {
        let bytes = repeated_as(frames, times, of_other_pages)?;
        let judged = compared(|| added_up(&bytes))?.rows.len();
        if judged >= MANY_SERIES {
            println!("judged {judged}");
            return Ok(bytes);
        }
    }
    Err("a recording whose operations have no page counts".into())
}

/// A recording in which all that happens between its first frame and its end happens several times, one after the other.
fn repeated(frames: &[Frame], times: u32) -> Outcome<Vec<u8>> {
    repeated_as(frames, times, |_, _| {})
}

/// The same with something changed each time. What the probes cost is said the first time only: a recorder says it anew when it has
/// measured twice as often.
fn repeated_as(frames: &[Frame], times: u32, change: impl Fn(&mut Operation, u32)) -> Outcome<Vec<u8>> {
    let Some((first, rest)) = frames.split_first() else { return Err("an empty recording".into()) };
    let ends = |frame: &&Frame| matches!(frame, Frame::End { .. });
    let starts = rest.iter().filter_map(|frame| if let Frame::Operations(some) = frame { Some(some) } else { None });
    let last_ns = starts.flatten().map(|operation| operation.start_ns + operation.duration_ns).max().unwrap_or(0);
    let mut writer = Writer::new(Vec::new());
    writer.put(first.clone())?;
    for time in 0..times {
        let is_repeated = |frame: &&Frame| !ends(frame) && (time == 0 || !matches!(frame, Frame::Calibration(_)));
        for frame in rest.iter().filter(is_repeated) {
            let mut frame = frame.clone();
            if let Frame::Operations(operations) = &mut frame {
                for operation in operations {
                    later(operation, u64::from(time) * last_ns);
                    change(operation, time);
                }
            }
            writer.put(frame)?;
        }
    }
    rest.iter().filter(ends).try_for_each(|end| writer.put(end.clone()))?;
    Ok(writer.into_inner())
}

fn later(operation: &mut Operation, by_ns: u64) {
    operation.start_ns += by_ns;
    operation.map_generation_ns = operation.map_generation_ns.map(|ns| ns + by_ns);
}
