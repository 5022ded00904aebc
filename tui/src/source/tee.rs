//! A recording of what is watched, written while it is watched: each frame as it came, and marks in between.
//!
//! Nobody waits for it, as in `record`: what a slow disk does not take is left out and counted, and where nothing more can be written, watching
//! goes on.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use grantscope_analysis::model::{Environment, LossCounter, LossReport, Mark};
use grantscope_analysis::recording::{Frame, FrameSink, Progress, Stall, Unblocked};

use crate::source::pace::time_of;

/// How long a disk that takes nothing is waited for at the end, as `record` does.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Why a file stays as it is that has what is watched already.
const SAME_RUN: &str = "it has a recording of this run already";
/// How often is looked at it meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The recording, for the thread that reads frames and the one that has the keys.
#[derive(Clone, Debug)]
pub struct Tee {
    name: Arc<str>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    sink: Unblocked,
    /// The newest time that is written; `None`: none is.
    now_ns: Option<u64>,
    loss: LossReport,
    has_begun: bool,
    /// Nothing goes behind the end.
    has_ended: bool,
    /// Why nothing more can be written.
    problem: Option<String>,
    /// The run that there is a recording of at this place.
    old: Option<Environment>,
}

impl Tee {
    /// Writes to there. A file that is there stays as it is until the first frame.
    ///
    /// # Errors
    /// There can be no thread.
    pub fn new(name: &str, out: impl io::Write + Send + 'static) -> io::Result<Self> {
        let state = State {
            sink: Unblocked::new(out)?,
            now_ns: None,
            loss: LossReport::default(),
            has_begun: false,
            has_ended: false,
            problem: None,
            old: None,
        };
        Ok(Self { name: name.into(), state: Arc::new(Mutex::new(state)) })
    }

    /// The same, but nothing is written if what is watched is of this run, which there is a recording of at this place: then what comes may
    /// come out of it, and what is in it is not to be had again.
    #[must_use]
    pub fn but_not_over(self, old: Option<Environment>) -> Self {
        self.state().old = old;
        self
    }

    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes a frame as it came; what was left out so far is added to what was lost before.
    pub fn take(&self, frame: &Frame) {
        self.state().take(frame);
    }

    /// Writes a mark.
    ///
    /// # Errors
    /// It cannot be written; what to say of it.
    pub fn mark(&self, mark: &Mark) -> Result<(), String> {
        let mut state = self.state();
        if state.has_ended {
            return Err(format!("the mark is not in {}: the recording has ended", self.name));
        }
        state.put(Frame::Mark(mark.clone()));
        state.problem.as_ref().map_or(Ok(()), |why| Err(format!("the mark is not in {}: {why}", self.name)))
    }

    /// Why nothing more can be written; `None`: it can.
    pub fn problem(&self) -> Option<String> {
        self.state().problem()
    }

    /// Nothing more comes, and everything is to be written: with an end, where the one who watched quits before there was one.
    ///
    /// # Errors
    /// It is not all written; why, and what to do.
    pub fn finish(&self, is_quit: bool) -> Result<()> {
        let mut state = self.state();
        if is_quit {
            state.end();
        }
        state.has_ended = true;
        let mut stall = Stall::new(Progress::default(), Instant::now(), TIMEOUT);
        while state.problem().is_none() {
            let Ok(progress) = state.sink.progress() else { continue };
            if progress.waiting_bytes == 0 {
                return Ok(());
            }
            if stall.is_over(progress, Instant::now()) {
                bail!("{}: is cut short: nothing more of it was taken for {} s; see what holds it", self.name, TIMEOUT.as_secs());
            }
            thread::sleep(LOOK_EVERY);
        }
        let why = state.problem().unwrap_or_default();
        if !state.has_begun {
            bail!("{}: is as it was, nothing was written ({why}); give -o another file", self.name);
        }
        bail!("{}: is cut short, it could not be written to its end ({why}); make room, or give -o another place", self.name);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, frame: &Frame) {
        if self.has_ended {
            return;
        }
        if matches!((frame, &self.old), (Frame::Environment(new), Some(old)) if !self.has_begun && new == old) {
            self.problem = Some(SAME_RUN.to_owned());
        }
        self.now_ns = self.now_ns.max(time_of(frame));
        match frame {
            Frame::Loss(report) => {
                self.loss = report.clone();
                let report = self.all_lost();
                self.put(Frame::Loss(report));
            }
            Frame::End { .. } => {
                self.put_left_out();
                self.put(frame.clone());
                self.has_ended = true;
            }
            frame => self.put(frame.clone()),
        }
    }

    fn put(&mut self, frame: Frame) {
        if self.problem().is_none() {
            self.has_begun = true;
            self.problem = self.sink.put(frame).err().map(|error| error.to_string());
        }
    }

    /// Ends it on purpose, if anything of it was written.
    fn end(&mut self) {
        if let (true, false, Some(at_ns)) = (self.has_begun, self.has_ended, self.now_ns) {
            self.put_left_out();
            self.put(Frame::End { at_ns });
        }
    }

    fn put_left_out(&mut self) {
        if !self.sink.left_out().is_empty() && self.problem().is_none() {
            let report = self.all_lost();
            self.problem = self.sink.put_last(Frame::Loss(report)).err().map(|error| error.to_string());
        }
    }

    fn all_lost(&self) -> LossReport {
        let mut report = self.loss.clone();
        let at_ns = self.now_ns.unwrap_or(report.at_ns).max(report.at_ns);
        for left_out in self.sink.left_out() {
            report.at_ns = at_ns;
            let is_same = |counter: &&mut LossCounter| (counter.hook, counter.kind) == (left_out.hook, left_out.kind);
            match report.counters.iter_mut().find(is_same) {
                Some(counter) => counter.count = counter.count.saturating_add(left_out.count),
                None => report.counters.push(left_out),
            }
        }
        report
    }

    fn problem(&mut self) -> Option<String> {
        if self.problem.is_none() {
            self.problem = self.sink.progress().err().map(|error| error.to_string());
        }
        self.problem.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use grantscope_analysis::recording::MOST_WAITING;
    use grantscope_analysis::recording::Reader;
    use grantscope_wire::{Buffer, HookId, LossKind, Op, Stage};

    use super::*;
    use crate::support::builder::{environment, loss, operation};

    /// Takes bytes only once it may.
    struct Stalled {
        may: mpsc::Receiver<()>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl io::Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // The one who lets it is gone: it always may.
            let _ = self.may.recv();
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_slow_disk_does_not_take_is_added_to_what_was_lost_and_marks_are_never_left_out() {
        let (may, taken) = (mpsc::channel(), Arc::new(Mutex::new(Vec::new())));
        let tee = Tee::new("out", Stalled { may: may.1, taken: Arc::clone(&taken) }).unwrap();
        tee.take(&Frame::Environment(environment()));
        let mut put = 0;
        while tee.state().sink.left_out().is_empty() {
            let of =
                |number: u64| operation(Op::Export, Buffer::Wc, number as u32, number << 30, &[(Stage::Remainder, number << 20)]);
            tee.take(&Frame::Operations((put + 1..put + 10_001).map(of).collect()));
            put += 10_000;
        }
        assert!(tee.state().sink.progress().unwrap().waiting_bytes > MOST_WAITING);
        tee.mark(&Mark::new(7, "stalled")).unwrap();
        // One hook has a count already, of the same kind and of another.
        let hook = Op::Export.reported_by();
        tee.take(&loss(8, hook, LossKind::Undelivered, 5));
        assert_eq!(tee.state().all_lost().counters[0].count, 5 + 10_000);
        drop(may.0);
        tee.finish(true).unwrap();
        assert!(tee.mark(&Mark::new(9, "too late")).unwrap_err().contains("the recording has ended"));
        let bytes = taken.lock().unwrap().clone();
        let mut reader = Reader::open(&bytes[..]).unwrap();
        let frames: Vec<_> = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
        let [.., Frame::Mark(mark), Frame::Loss(lost), Frame::End { .. }] = &frames[..] else { panic!("{:?}", frames.last()) };
        assert_eq!(mark.name(), "stalled");
        let read: usize =
            frames.iter().map(|frame| if let Frame::Operations(operations) = frame { operations.len() } else { 0 }).sum();
        assert_eq!((read as u64 + lost.operations(), lost.counters.len()), (put + 5, 1));
    }

    #[test]
    fn what_was_lost_before_is_passed_on_as_it_is() {
        let tee = Tee::new("out", io::sink()).unwrap();
        let lost = loss(8, HookId::GntdevIoctl, LossKind::RingFull, 3);
        tee.take(&Frame::Environment(environment()));
        tee.take(&lost);
        assert_eq!(Frame::Loss(tee.state().all_lost()), lost);
        assert!(tee.finish(false).is_ok());
    }
}
