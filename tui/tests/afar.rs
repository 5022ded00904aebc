//! Recordings that are watched while they are made, over sockets: the command as viewers meet it.

mod support;

use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use grantscope::remote::address::Address;
use grantscope::remote::listen::Listening;
use grantscope_analysis::model::LossReport;
use grantscope_analysis::recording::{Broadcast, Frame, FrameSink, MOST_KEPT_BYTES, Reader, Unblocked};
use grantscope_wire::{Buffer, Op, Stage};
use support::{builder, synthetic};

fn grantscope(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantscope"));
    command.env("GRANTSCOPE_CONFIG", "/dev/null");
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn viewers_end_with_what_the_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let (file, at) = (folder.path().join("run.gsr"), Address::Unix(folder.path().join("sock")));
    let frames = synthetic::complete(2);
    std::fs::write(&file, builder::bytes(&frames)).unwrap();
    let mut sink = Broadcast::<Unblocked>::new(None).unwrap();
    let listening = Listening::start(&at, false, sink.viewers()).unwrap();
    let name = at.to_string();
    let viewers = [["summary", &name], ["top", &name], ["export", &name]].map(|args| grantscope(&args).spawn().unwrap());
    frames.iter().for_each(|frame| sink.put(frame.clone()).unwrap());
    let [summarised, watched, exported] = viewers.map(|viewer| text(&viewer.wait_with_output().unwrap()));
    drop((listening, sink));
    let path = file.to_str().unwrap();
    assert_eq!(summarised, text(&grantscope(&["summary", path]).output().unwrap()));
    assert_eq!(exported, text(&grantscope(&["export", path]).output().unwrap()));
    assert!(watched.ends_with(&summarised), "{watched}\ndoes not end with\n{summarised}");
}

#[test]
fn a_viewer_that_comes_late_shows_since_when_and_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let at = Address::Unix(folder.path().join("sock"));
    let mut sink = Broadcast::<Unblocked>::new(None).unwrap();
    let listening = Listening::start(&at, false, sink.viewers()).unwrap();
    sink.put(Frame::Environment(builder::environment())).unwrap();
    // Each is of a kind of its own, so that it takes at least as many bytes as these have in common.
    let operation = |number: u64| {
        builder::operation(Op::Export, Buffer::Wc, 1 + number as u32, number << 40, &[(Stage::Remainder, (number + 1) << 30)])
    };
    let put = MOST_KEPT_BYTES as u64 / 20;
    // Nobody waits for the thread that keeps all of it, and what it has no time for is lost: so this one waits for an early viewer.
    let (ours, early) = UnixStream::pair().unwrap();
    assert!(sink.viewers().add(ours).unwrap());
    let came = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&came);
    let early = thread::spawn(move || {
        let mut reader = Reader::open(BufReader::new(early)).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            if let Frame::Operations(operations) = frame {
                counted.fetch_add(operations.len() as u64, Ordering::Relaxed);
            }
        }
    });
    for from in (0..put).step_by(4_096) {
        while came.load(Ordering::Relaxed) + 8_192 < from {
            thread::sleep(Duration::from_millis(1));
        }
        sink.put(Frame::Operations((from..put.min(from + 4_096)).map(operation).collect())).unwrap();
    }
    sink.put(Frame::Loss(LossReport { at_ns: 1, counters: Vec::new() })).unwrap();
    sink.put(Frame::End { at_ns: put << 40 }).unwrap();
    // Whoever gets to the end is behind the thread that keeps all of it.
    early.join().unwrap();
    let late = grantscope(&["summary", &at.to_string(), "--max-series", "10"]).output().unwrap();
    drop((listening, sink));
    let said = text(&late);
    let number = |words: &str, before: &str| words.split_once(before)?.0.rsplit(' ').next()?.parse::<u64>().ok();
    let found = |before: &str| said.lines().find_map(|line| number(line, before)).expect(&said);
    let (shown, earlier) = (found(" operations, "), found(" operations before are in no row: this viewer came late"));
    assert!(shown > 0 && earlier > 0);
    assert_eq!((shown + earlier, found(" lost")), (put, 0));
}
