//! How fast recordings are written, read, added up and exported, on one core: `cargo xtask bench collector` runs it, for each measure anew,
//! and prints the table. Arguments: a measure, a recording, and how often its operations are to be repeated.
//!
//! A line per figure, `NAME VALUE`: operations, their events, series; the best run's nanoseconds; the most memory in KiB.

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
use grantscope_analysis::recording::{Frame, FrameSink, Reader, Writer};
use grantscope_analysis::report::export;
use grantscope_analysis::runs::Run;
use grantscope_analysis::runs::csv::table;
use grantscope_analysis::series::Aggregate;

/// The best of so many runs is what it takes: nothing makes a run too fast.
const RUNS: usize = 7;
/// So many files are merged.
const FILES: usize = 100;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<_> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let [measure, path, times] = &arguments[..] else {
        // `cargo test --benches` and the like give none.
        return Ok(());
    };
    if measure == "memory" {
        return memory(Path::new(path));
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
            memory_apart(&bytes)
        }
        "compare" => {
            let rules = [Rule::default_one()];
            report(&bytes, best(|| (), |()| compared(&bytes, &rules))?)
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
        other => Err(format!("no measure {other:?}: write, read, add up, compare, export or merge").into()),
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

/// Two recordings of so many operations each: read, added up and compared, as `grantscope compare` does it, each on a thread.
fn compared(bytes: &[u8], rules: &[Rule]) -> Outcome<Comparison> {
    let run = || added_up(bytes).map(|aggregate| Run::from(&aggregate)).map_err(|error| error.to_string());
    let (base, head) = std::thread::scope(|scope| {
        let base = scope.spawn(run);
        let head = run();
        (base.join(), head)
    });
    let names = ["base", "head"].map(str::to_owned);
    Ok(compare(names, &[base.map_err(|_| "a thread panicked")??], &[head?], rules, 0.01))
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

/// The most memory of a process that does nothing else than to read a recording, as it comes, and to add it up.
fn memory(path: &Path) -> Outcome<()> {
    let mut reader = Reader::open(BufReader::new(File::open(path)?))?;
    let mut aggregate = Aggregate::default();
    while let Some(frame) = reader.next_frame()? {
        aggregate.add(&frame);
    }
    let status = fs::read_to_string("/proc/self/status")?;
    // proc_pid_status(5).
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the kernel does not say VmHWM")?;
    println!("kib {}", line.trim().trim_end_matches(" kB"));
    drop(black_box(aggregate));
    Ok(())
}

/// The same in a process of its own.
fn memory_apart(bytes: &[u8]) -> Outcome<()> {
    let path = env::temp_dir().join(format!("grantscope-recordings-{}.gsr", std::process::id()));
    fs::write(&path, bytes)?;
    let status = Command::new(env::current_exe()?).arg("memory").arg(&path).arg("1").status();
    fs::remove_file(&path)?;
    if status?.success() { Ok(()) } else { Err("the process whose memory was to be measured failed".into()) }
}

/// A recording in which all that happens between its first frame and its end happens several times, one after the other. What the probes
/// cost is said the first time only: a recorder says it anew when it has measured twice as often.
fn repeated(frames: &[Frame], times: u64) -> Outcome<Vec<u8>> {
    let Some((first, rest)) = frames.split_first() else { return Err("an empty recording".into()) };
    let ends = |frame: &&Frame| matches!(frame, Frame::End { .. });
    let starts = rest.iter().filter_map(|frame| if let Frame::Operations(some) = frame { Some(some) } else { None });
    let last_ns = starts.flatten().map(|operation| operation.start_ns + operation.duration_ns).max().unwrap_or(0);
    let mut writer = Writer::new(Vec::new());
    writer.put(first.clone())?;
    for time in 0..times {
        let is_repeated = |frame: &&Frame| !ends(frame) && (time == 0 || !matches!(frame, Frame::Calibration(_)));
        for frame in rest.iter().filter(is_repeated) {
            writer.put(later(frame.clone(), time * last_ns))?;
        }
    }
    rest.iter().filter(ends).try_for_each(|end| writer.put(end.clone()))?;
    Ok(writer.into_inner())
}

fn later(mut frame: Frame, by_ns: u64) -> Frame {
    if let Frame::Operations(operations) = &mut frame {
        for operation in operations {
            operation.start_ns += by_ns;
            operation.map_generation_ns = operation.map_generation_ns.map(|ns| ns + by_ns);
        }
    }
    frame
}
