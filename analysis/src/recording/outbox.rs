//! A recording that is written by a thread of its own, so that nobody waits for whoever reads it.
//!
//! A reader may stop for ever, and a disk for seconds. Meanwhile bytes gather, up to a bound; beyond it operations are left out, counted by
//! the hooks that report them, and so are frames that a later one of their kind replaces. What others build on is always kept.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use grantscope_wire::{HookId, LossKind};

use super::{Frame, FrameSink, Progress, Writer};
use crate::model::LossCounter;

/// Bytes that may wait: some 300,000 operations, seconds of the fastest.
pub const MOST_WAITING: usize = 4 << 20;

/// A recording whose frames are put without waiting.
#[derive(Debug)]
pub struct Unblocked {
    writer: Writer<Outbox>,
    left_out: BTreeMap<HookId, u64>,
}

impl Unblocked {
    /// Begins a thread that writes to there. It ends with this, or where it cannot go on.
    ///
    /// # Errors
    /// There can be no thread.
    pub fn new(out: impl Write + Send + 'static) -> io::Result<Self> {
        Ok(Self { writer: Writer::new(Outbox::new(out)?), left_out: BTreeMap::new() })
    }

    fn leave_out(&mut self, frame: &Frame) {
        if let Frame::Operations(operations) = frame {
            for operation in operations {
                *self.left_out.entry(operation.op.reported_by()).or_default() += 1;
            }
        }
    }
}

impl FrameSink for Unblocked {
    const READS_STAGES: bool = false;

    /// Takes a frame, or leaves it out where too much waits.
    fn put(&mut self, frame: Frame) -> io::Result<()> {
        let is_needed = match frame {
            Frame::Environment(_) | Frame::Maps(_) | Frame::Calibration(_) | Frame::Mark(_) | Frame::End { .. } => true,
            // Those of kernels that count nothing else: what is lost for good is said at the end.
            Frame::Operations(_) | Frame::Loss(_) | Frame::Tick { .. } | Frame::Filtered(_) | Frame::Recorder(_) => false,
        };
        if !is_needed && self.progress()?.waiting_bytes > MOST_WAITING {
            self.leave_out(&frame);
            return Ok(());
        }
        self.writer.put(frame)
    }

    fn put_last(&mut self, frame: Frame) -> io::Result<()> {
        self.writer.put(frame)
    }

    fn progress(&self) -> io::Result<Progress> {
        self.writer.out().progress()
    }

    fn left_out(&self) -> Vec<LossCounter> {
        let counter = |(&hook, &count): (&HookId, &u64)| LossCounter { hook, kind: LossKind::Undelivered, count };
        self.left_out.iter().map(counter).collect()
    }
}

/// Bytes on their way to a thread that writes them.
#[derive(Debug)]
struct Outbox {
    shared: Arc<Shared>,
    /// `None`: it was waited for.
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Vec<u8>>,
    /// Of all pieces, the one included that is being written; and how much was.
    progress: Progress,
    /// Why nothing more can be written.
    error: Option<io::Error>,
    /// Nothing more comes.
    is_over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece; `None`: there is none any more.
    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if let Some(piece) = state.pieces.pop_front() {
                return Some(piece);
            }
            if state.is_over {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Outbox {
    fn new(mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("write".to_owned()).spawn(move || {
            while let Some(piece) = of_thread.next() {
                let written = out.write_all(&piece).and_then(|()| out.flush());
                let mut state = of_thread.lock();
                state.progress.waiting_bytes -= piece.len();
                if let Err(error) = written {
                    state.error = Some(error);
                    return;
                }
                state.progress.written_bytes += piece.len() as u64;
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    fn progress(&self) -> io::Result<Progress> {
        let state = self.shared.lock();
        state.error.as_ref().map_or(Ok(state.progress), |error| Err(again(error)))
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.shared.lock();
        if let Some(error) = &state.error {
            return Err(again(error));
        }
        state.pieces.push_back(bytes.to_vec());
        state.progress.waiting_bytes += bytes.len();
        self.shared.changed.notify_one();
        Ok(bytes.len())
    }

    /// The thread flushes what it has written.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Outbox {
    /// What it wrote to is closed then, unless a reader holds it: that one is not waited for.
    fn drop(&mut self) {
        let is_idle = {
            let mut state = self.shared.lock();
            state.is_over = true;
            state.progress.waiting_bytes == 0 || state.error.is_some()
        };
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take().filter(|_| is_idle) {
            // It has panicked only if what it wrote to has.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use grantscope_wire::{Buffer, Op};

    use super::*;
    use crate::fixtures::export;
    use crate::model::{Environment, LossReport, Operation};
    use crate::recording::Reader;

    /// Takes bytes only as it is allowed to, and says what it took.
    struct Stalling {
        allowed: mpsc::Receiver<()>,
        taken: mpsc::Sender<Vec<u8>>,
    }

    impl Write for Stalling {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.allowed.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            let _ = self.taken.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn operations(count: u64) -> Frame {
        // Each differs, so that each takes its bytes.
        let operation =
            |number: u64| Operation { pages: Some(number as u32), start_ns: number << 40, ..export(Buffer::Wc, number << 30) };
        Frame::Operations((1..=count).map(operation).collect())
    }

    fn until(what: impl Fn() -> bool) {
        let begun = Instant::now();
        while !what() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not happen");
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_reader_that_stalls_holds_nobody_and_what_it_does_not_get_is_counted() {
        let (allow, allowed) = mpsc::channel();
        let (taken, written) = mpsc::channel();
        let mut sink = Unblocked::new(Stalling { allowed, taken }).unwrap();
        sink.put(Frame::Environment(Environment::default())).unwrap();
        let begun = Instant::now();
        let mut put = 0;
        while sink.left_out().is_empty() {
            sink.put(operations(10_000)).unwrap();
            put += 10_000;
        }
        sink.put(Frame::Tick { at_ns: 1 }).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20));
        let waiting = sink.progress().unwrap().waiting_bytes;
        assert!(waiting > MOST_WAITING && waiting < 2 * MOST_WAITING, "{waiting}");
        let lost = sink.left_out();
        assert_eq!((lost[0].hook, lost[0].kind), (Op::Export.reported_by(), LossKind::Undelivered));
        // The reader goes on: everything that was kept comes, and the end says what was not.
        sink.put_last(Frame::Loss(LossReport { at_ns: 2, counters: lost.clone() })).unwrap();
        sink.put(Frame::End { at_ns: 3 }).unwrap();
        (0..10_000).for_each(|_| allow.send(()).unwrap());
        until(|| sink.progress().unwrap().waiting_bytes == 0);
        drop(sink);
        let bytes: Vec<u8> = written.iter().flatten().collect();
        let mut reader = Reader::open(&bytes[..]).unwrap();
        let (mut read, mut said, mut last) = (0, 0, None);
        while let Some(frame) = reader.next_frame().unwrap() {
            match &frame {
                Frame::Operations(operations) => read += operations.len() as u64,
                Frame::Loss(report) => said = report.operations(),
                _ => {}
            }
            last = Some(frame);
        }
        assert_eq!((read + said, last), (put, Some(Frame::End { at_ns: 3 })));
    }

    #[test]
    fn a_reader_that_is_gone_is_an_error_of_what_comes_next() {
        let (_, allowed) = mpsc::channel();
        let mut sink = Unblocked::new(Stalling { allowed, taken: mpsc::channel().0 }).unwrap();
        sink.put(Frame::Environment(Environment::default())).unwrap();
        until(|| sink.progress().is_err());
        let error = sink.put(Frame::Tick { at_ns: 1 }).unwrap_err();
        assert_eq!((error.kind(), sink.progress().unwrap_err().kind()), (io::ErrorKind::BrokenPipe, io::ErrorKind::BrokenPipe));
    }
}
