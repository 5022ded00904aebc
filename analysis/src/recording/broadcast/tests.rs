//! Several viewers of one recording: slow ones, late ones, and such that go.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use grantscope_wire::{Buffer, Edge, HookId, LossKind, Op};

use super::*;
use crate::fixtures::{crossing, export, live_map};
use crate::live::Ledger;
use crate::model::{
    Calibration, Cost, Environment, Filter, FilterReport, LossReport, MapState, MapsReport, Mark, Operation, RecorderReport,
};
use crate::recording::{ReadError, Reader, Writer};

/// A file whose bytes can be looked at when its writer is gone.
#[derive(Clone, Debug, Default)]
struct File(Arc<Mutex<Vec<u8>>>);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type NoFile = Writer<File>;

/// Each differs from the others, so that each takes its bytes.
fn operations(numbers: std::ops::Range<u64>) -> Vec<Operation> {
    let operation =
        |number: u64| Operation { pages: Some(number as u32), start_ns: number << 40, ..export(Buffer::Wc, number << 30) };
    numbers.map(operation).collect()
}

fn environment() -> Frame {
    Frame::Environment(Environment { run: "afar".to_owned(), ..Environment::default() })
}

fn recorder(cpu_ns: u64) -> Frame {
    Frame::Recorder(RecorderReport { at_ns: cpu_ns, cpu_ns, memory_bytes: None, most_memory_bytes: 1 })
}

const END: Frame = Frame::End { at_ns: 99 };

/// All that comes out of it, and how it ended.
fn read(input: impl Read) -> (Vec<Frame>, Option<ReadError>) {
    let mut frames = Vec::new();
    let mut reader = match Reader::open(io::BufReader::new(input)) {
        Ok(reader) => reader,
        Err(error) => return (frames, Some(error)),
    };
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn operations_in(frames: &[Frame]) -> Vec<Operation> {
    let of = |frame: &Frame| if let Frame::Operations(operations) = frame { operations.clone() } else { Vec::new() };
    frames.iter().flat_map(of).collect()
}

fn lost(frames: &[Frame], kind: LossKind) -> u64 {
    let report = frames.iter().rev().find_map(|frame| if let Frame::Loss(report) = frame { Some(report) } else { None });
    let counters = report.into_iter().flat_map(|report| &report.counters);
    counters.filter(|counter| counter.kind == kind).map(|counter| counter.count).sum()
}

/// A viewer that reads as it comes.
fn reading(viewers: &Viewers) -> JoinHandle<(Vec<Frame>, Option<ReadError>)> {
    let (ours, its) = UnixStream::pair().unwrap();
    assert!(viewers.add(ours).unwrap());
    thread::spawn(|| read(its))
}

/// One that reads nothing.
fn stalled(viewers: &Viewers) -> UnixStream {
    let (ours, its) = UnixStream::pair().unwrap();
    assert!(viewers.add(ours).unwrap());
    its
}

fn until(mut what: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not happen");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until all that was put is kept.
fn settle<S: FrameSink>(sink: &Broadcast<S>) {
    until(|| sink.keeper.waiting.load(Ordering::Relaxed) == 0);
}

#[test]
fn every_viewer_gets_what_the_file_gets_and_the_file_is_what_it_was() {
    let frames = |sink: &mut dyn FnMut(Frame)| {
        sink(environment());
        sink(recorder(5));
        (0..20).for_each(|number| sink(Frame::Operations(operations(number * 10..number * 10 + 10))));
        sink(Frame::Tick { at_ns: 8 });
        sink(Frame::Loss(LossReport { at_ns: 9, counters: Vec::new() }));
        sink(END);
    };
    let (alone, beside) = (File::default(), File::default());
    let mut writer = Writer::new(alone.clone());
    frames(&mut |frame| writer.put(frame).unwrap());
    let mut sink = Broadcast::new(Some(Writer::new(beside.clone()))).unwrap();
    let viewers = [(); 3].map(|()| reading(&sink.viewers()));
    frames(&mut |frame| sink.put(frame).unwrap());
    drop(sink);
    assert_eq!(*alone.0.lock().unwrap(), *beside.0.lock().unwrap());
    let expected = operations_in(&read(&alone.0.lock().unwrap()[..]).0);
    assert_eq!(expected.len(), 200);
    for viewer in viewers {
        let (frames, error) = viewer.join().unwrap();
        assert!(error.is_none(), "{error:?}");
        assert_eq!((frames.first(), frames.last()), (Some(&environment()), Some(&END)));
        assert_eq!(operations_in(&frames), expected);
        assert!(frames.contains(&Frame::Loss(LossReport { at_ns: 9, counters: Vec::new() })));
    }
}

#[test]
fn a_viewer_that_stalls_holds_nobody_and_is_told_what_it_lacks() {
    let mut sink = Broadcast::<NoFile>::new(None).unwrap();
    sink.put(environment()).unwrap();
    let (stalling, following) = (stalled(&sink.viewers()), reading(&sink.viewers()));
    // It has begun to get something.
    until(|| sink.shared.taken_bytes.load(Ordering::Relaxed) > 0);
    let mut put = 0;
    while sink.shared.forgotten() < 20_000 {
        sink.put(Frame::Operations(operations(put..put + 4_000))).unwrap();
        put += 4_000;
        settle(&sink);
    }
    let stalling = thread::spawn(|| read(stalling));
    sink.put(END).unwrap();
    drop(sink);
    let (frames, error) = stalling.join().unwrap();
    assert!(error.is_none(), "{error:?}");
    let missed = lost(&frames, LossKind::Undelivered);
    assert!(missed > 0 && lost(&frames, LossKind::Earlier) == 0);
    assert_eq!(operations_in(&frames).len() as u64 + missed, put);
    let (frames, _) = following.join().unwrap();
    let missed = lost(&frames, LossKind::Undelivered);
    assert_eq!(operations_in(&frames).len() as u64 + missed, put);
    assert!(missed < 20_000, "one that reads lacks what another does not read: {missed}");
}

#[test]
fn a_viewer_that_comes_late_gets_the_state_and_what_is_kept_and_is_told_the_rest() {
    let mut sink = Broadcast::<NoFile>::new(None).unwrap();
    let cost = |before_ps| Cost { before_ps, after_ps: 1, error_ps: 1 };
    let calibration = |hook, before_ps| {
        Frame::Calibration(Calibration { at_ns: 1, crossings: vec![crossing(hook, Edge::Entry, cost(before_ps))] })
    };
    let maps = |at_ns, ids: &[u64], gone: &[u64]| {
        let changed = ids.iter().map(|&id| live_map(id, MapState::Mapped)).collect();
        Frame::Maps(MapsReport {
            at_ns,
            changed,
            gone: gone.to_vec(),
            no_census: (at_ns == 1).then(|| "no rights".to_owned()),
            direct_mapped: (at_ns == 1).then_some(true),
        })
    };
    let filtered = |left_out| Frame::Filtered(FilterReport { at_ns: 1, filter: Filter::default(), left_out });
    [environment(), recorder(5), filtered(1), maps(1, &[1, 2], &[])].into_iter().for_each(|frame| sink.put(frame).unwrap());
    [calibration(HookId::GntdevIoctl, 7), maps(2, &[3], &[1]), calibration(HookId::GntdevIoctl, 8), recorder(6), filtered(2)]
        .into_iter()
        .for_each(|frame| sink.put(frame).unwrap());
    let mut put = 0;
    while sink.shared.forgotten() == 0 {
        sink.put(Frame::Operations(operations(put..put + 4_000))).unwrap();
        put += 4_000;
        settle(&sink);
    }
    let late = reading(&sink.viewers());
    until(|| sink.shared.taken_bytes.load(Ordering::Relaxed) > 0);
    sink.put(maps(3, &[4], &[2])).unwrap();
    sink.put(Frame::Operations(operations(put..put + 1))).unwrap();
    sink.put(END).unwrap();
    put += 1;
    drop(sink);
    let (frames, error) = late.join().unwrap();
    assert!(error.is_none(), "{error:?}");
    assert_eq!(frames[0], environment());
    let first = frames.iter().position(|frame| matches!(frame, Frame::Operations(_))).unwrap();
    let before = &frames[..first];
    assert!(
        before.contains(&recorder(5)) && before.contains(&filtered(2)) && before.contains(&calibration(HookId::GntdevIoctl, 8))
    );
    assert!(!before.contains(&filtered(1)) && !before.contains(&calibration(HookId::GntdevIoctl, 7)));
    assert!(frames.contains(&recorder(6)));
    let mut ledger = Ledger::default();
    frames.iter().for_each(|frame| {
        if let Frame::Maps(report) = frame {
            ledger.add(report)
        }
    });
    assert_eq!(ledger.maps().iter().map(|map| map.id).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((ledger.no_census(), ledger.is_direct_mapped()), (Some("no rights"), Some(true)));
    let (earlier, missed) = (lost(&frames, LossKind::Earlier), lost(&frames, LossKind::Undelivered));
    assert!(earlier > 0);
    assert_eq!(operations_in(&frames).len() as u64 + earlier + missed, put);
}

#[test]
fn a_viewer_that_goes_makes_room_and_there_are_only_so_many() {
    let mut sink = Broadcast::<NoFile>::new(None).unwrap();
    sink.put(environment()).unwrap();
    let all: Vec<_> = (0..MOST_VIEWERS).map(|_| stalled(&sink.viewers())).collect();
    let (ours, its) = UnixStream::pair().unwrap();
    assert!(!sink.viewers().add(ours).unwrap(), "one more than are served");
    assert!(matches!(read(its).1, Some(ReadError::NotARecording)), "nothing is sent to it");
    drop(all);
    // They are noticed when there is something to send.
    let mut now = 0;
    until(|| {
        let (ours, _) = UnixStream::pair().unwrap();
        sink.viewers().add(ours).unwrap() || {
            now += 1;
            sink.shared.set(Frame::Tick { at_ns: now });
            false
        }
    });
}

#[test]
fn a_recording_that_ends_otherwise_is_cut_short_for_viewers_too_and_waits_only_so_long() {
    let mut sink = Broadcast::<NoFile>::new(None).unwrap();
    let (early, _stalled) = (reading(&sink.viewers()), stalled(&sink.viewers()));
    sink.put(environment()).unwrap();
    sink.put(Frame::Operations(operations(0..100_000))).unwrap();
    let begun = Instant::now();
    drop(sink);
    assert!(begun.elapsed() < Duration::from_secs(20));
    let (frames, error) = early.join().unwrap();
    assert!(matches!(error, Some(ReadError::CutShort { .. })), "{error:?}");
    assert_eq!(operations_in(&frames).len(), 100_000);
}

#[test]
fn what_the_file_lacks_is_not_what_a_viewer_lacks() {
    let mut sink = Broadcast::<NoFile>::new(None).unwrap();
    let viewer = reading(&sink.viewers());
    let counter = |kind, count| LossCounter { hook: Op::Export.reported_by(), kind, count };
    let counters = vec![counter(LossKind::RingFull, 3), counter(LossKind::Undelivered, 4)];
    [environment(), Frame::Loss(LossReport { at_ns: 7, counters }), END].into_iter().for_each(|frame| sink.put(frame).unwrap());
    drop(sink);
    let (frames, _) = viewer.join().unwrap();
    assert_eq!((lost(&frames, LossKind::RingFull), lost(&frames, LossKind::Undelivered)), (3, 0));
}

#[test]
fn what_is_too_much_for_the_thread_that_keeps_it_is_told_too() {
    let mut sink = Broadcast::<NoFile>::new(None).unwrap();
    let viewer = reading(&sink.viewers());
    sink.put(environment()).unwrap();
    sink.keeper.waiting.fetch_add(2 * MOST_WAITING, Ordering::Relaxed);
    sink.put(Frame::Operations(operations(0..10))).unwrap();
    sink.keeper.waiting.fetch_sub(2 * MOST_WAITING, Ordering::Relaxed);
    sink.put(Frame::Operations(operations(10..15))).unwrap();
    sink.put(END).unwrap();
    drop(sink);
    let (frames, _) = viewer.join().unwrap();
    assert_eq!((operations_in(&frames).len(), lost(&frames, LossKind::Undelivered)), (5, 10));
}

#[test]
fn a_viewer_that_comes_late_gets_the_last_marks_and_nobody_gets_one_twice() {
    let mut sink = Broadcast::<NoFile>::new(None).unwrap();
    sink.put(environment()).unwrap();
    let early = reading(&sink.viewers());
    (0..300).for_each(|at_ns| sink.put(Frame::Mark(Mark::new(at_ns, "again"))).unwrap());
    sink.put(Frame::Operations(operations(0..10))).unwrap();
    settle(&sink);
    let late = reading(&sink.viewers());
    [Frame::Mark(Mark::new(300, "last")), END].into_iter().for_each(|frame| sink.put(frame).unwrap());
    drop(sink);
    let time = |frame: &Frame| if let Frame::Mark(mark) = frame { Some(mark.at_ns()) } else { None };
    let [early, late] = [early, late].map(|viewer| viewer.join().unwrap().0.iter().filter_map(time).collect::<Vec<_>>());
    assert!(early.is_sorted_by(|one, next| one < next) && early.last() == Some(&300), "{early:?}");
    assert!(late == (44..=300).collect::<Vec<_>>() || late == (45..=300).collect::<Vec<_>>(), "{late:?}");
}
