//! One recording, from attaching to its end frame: drains the ring, watches the command, counts losses.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal as Number, kill};
use nix::unistd::Pid;
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use crate::decode::DecodeError;
use crate::marks::{LeftOutMarks, Marks};
use crate::{CaptureError, Probes, host};
use grantscope_analysis::model::{AttachMode, Operation};
use grantscope_analysis::model::{Clock, LossReport};
use grantscope_analysis::model::{Filter, FilterReport};
use grantscope_analysis::recording::{Frame, FrameSink, Progress, Stall};
use grantscope_output::is_ignored;
use grantscope_wire::Detail;

/// How often the ring is emptied, unless it fills sooner: often enough for a live view, seldom enough to cost nothing.
const DRAIN_EVERY: Duration = Duration::from_millis(100);
/// Losses are counted, and live maps read, once in this many drains.
const LOSS_EVERY_DRAINS: u32 = 10;
/// Operations per frame: keeps frames far below what a reader takes for damage.
const OPERATIONS_PER_FRAME: usize = 4096;
/// How long a command has to clean up after the signal to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long whoever reads the recording may take nothing of what is left at its end; and how long after a signal. To detach takes longer
/// than that: the kernel waits for RCU at each hook.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT_AFTER_SIGNAL: Duration = Duration::from_millis(1500);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What to record.
#[derive(Debug, Default)]
pub struct Options {
    /// Name of the run; by default host and time.
    pub run: Option<String>,
    /// The clock behind the nanoseconds: the machine does not show it.
    pub clock: Clock,
    /// Attach mode of the probes.
    pub attach: AttachMode,
    /// How much is watched.
    pub detail: Detail,
    /// What is recorded.
    pub filter: Filter,
    /// Program to run while recording; without one: until a signal comes.
    pub command: Option<std::process::Command>,
    /// Whether the command goes on where the recording cannot be written any more.
    pub keeps_going: bool,
    /// Ends the recording as a signal does.
    pub stop: Arc<Notify>,
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The command ended.
    Command(ExitStatus),
    /// This signal came.
    Signal(i32),
    /// `Options::stop` was notified.
    Stopped,
}

/// A recording that is over.
#[derive(Debug)]
pub struct Finished {
    /// Why.
    pub ended: Ended,
    /// Operations recorded.
    pub operations: u64,
    /// What was lost.
    pub loss: LossReport,
    /// What the filter left out; `None`: there was none.
    pub filtered: Option<FilterReport>,
    /// What the command wrote where its marks belong, and is not recorded.
    pub left_out_marks: LeftOutMarks,
    /// What became of a command that had not ended.
    pub stopped: Option<Stopped>,
    /// Why the end of the recording could not be written, where the command was to go on all the same.
    pub unwritten: Option<io::Error>,
}

/// What became of a command that was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It ended.
    Ended,
    /// It did not end in time, and was killed.
    Killed,
    /// Another signal came, and it was killed.
    KilledAtOnce,
}

/// Records until the command ends, a signal comes or `stop` is notified. `ready` is called once all hooks are attached; the sink gets
/// its first frame after the command has started.
///
/// # Errors
/// The probes cannot be attached, the command cannot be started, or the recording cannot be written.
pub async fn record(options: Options, sink: impl FrameSink, ready: impl FnOnce(&Probes)) -> Result<Finished, CaptureError> {
    let mut probes = Probes::attach(options.attach, options.detail, &options.filter)?;
    if !reads_stages(&sink) {
        probes.leave_out_stages();
    }
    ready(&probes);
    let environment = host::environment(options.run, options.clock, options.detail, probes.status().to_vec());
    let filter = (!probes.filter().is_any()).then(|| probes.filter().clone());
    // SAFETY: `Probes` hands out one descriptor, which stays open as long as it lives.
    let probes = unsafe { AsyncFd::register(probes) }.map_err(|error| CaptureError::Wait(error.into()))?;
    let mut signals = Signals::new().map_err(CaptureError::Wait)?;
    let mut session = Session {
        probes,
        sink,
        filter,
        stop: options.stop,
        drains: 0,
        operations: 0,
        cpu_ns: host::thread_cpu_ns(),
        marks: None,
        keeps_going: options.keeps_going && options.command.is_some(),
        unwritten: None,
    };
    let first = [Some(Frame::Environment(environment)), session.own_use(), session.filtered(), session.maps()];
    let started = options.command.map(start).transpose()?;
    let (mut child, marks) = started.unzip();
    session.marks = marks;
    let ended = session.run(first, child.as_mut(), &mut signals).await;
    let stopped = match child.as_mut() {
        Some(child) if !matches!(ended, Ok(Ended::Command(_))) => Some(end(child, &mut signals).await),
        _ => None,
    };
    session.finish(ended?, stopped, &mut signals).await
}

/// Whether it has a use for the operations' stages.
fn reads_stages<S: FrameSink>(_: &S) -> bool {
    S::READS_STAGES
}

/// Starts the command, with a pipe for its marks.
fn start(mut command: std::process::Command) -> Result<(Child, Marks), CaptureError> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |source| CaptureError::Command { command: name.clone(), source };
    let (marks, inherited) = Marks::for_command(&mut command).map_err(failed)?;
    let child = Command::from(command).spawn().map_err(failed)?;
    drop(inherited);
    Ok((child, marks))
}

/// Ends a command that would go on unwatched: first it is asked, so that it can undo what it did.
async fn end(child: &mut Child, signals: &mut Signals) -> Stopped {
    if let Some(id) = child.id() {
        // An error means that it is gone already.
        let _ = kill(Pid::from_raw(id as i32), Number::SIGTERM);
    }
    let stopped = tokio::select! {
        _ = child.wait() => return Stopped::Ended,
        () = sleep(STOP_TIMEOUT) => Stopped::Killed,
        _ = signals.next() => Stopped::KilledAtOnce,
    };
    let _ = child.kill().await;
    stopped
}

struct Session<S: FrameSink> {
    probes: AsyncFd<Probes>,
    sink: S,
    /// `None`: everything is recorded.
    filter: Option<Filter>,
    stop: Arc<Notify>,
    drains: u32,
    operations: u64,
    /// Processor time of this thread: until it was ready, and since then from each time that it woke up until it slept again. What the
    /// kernel charges it in between is not its own: where it wakes up inside another's call, the rest of that (`wakeup_preempt` in
    /// kernel/sched/core.c, Linux v6.12, leaves the clock as it is).
    cpu_ns: u64,
    /// Of the command.
    marks: Option<Marks>,
    keeps_going: bool,
    /// Why nothing is written any more.
    unwritten: Option<io::Error>,
}

/// What a recording waits for.
enum Event {
    Drain,
    End(Ended),
}

impl<S: FrameSink> Session<S> {
    /// `first` is how a recording begins: not put before the command has started, so that one that cannot be started costs nobody
    /// the recording that was there before.
    async fn run(
        &mut self,
        first: impl IntoIterator<Item = Option<Frame>>,
        mut child: Option<&mut Child>,
        signals: &mut Signals,
    ) -> Result<Ended, CaptureError> {
        self.put_each(first)?;
        let mut timer = interval(DRAIN_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match self.next_event(&mut child, &mut timer, signals).await.map_err(CaptureError::Wait)? {
                Event::Drain => {
                    let woke_ns = host::thread_cpu_ns();
                    self.drain()?;
                    self.cpu_ns += host::thread_cpu_ns() - woke_ns;
                }
                Event::End(ended) => return Ok(ended),
            }
        }
    }

    async fn next_event(
        &mut self,
        child: &mut Option<&mut Child>,
        timer: &mut Interval,
        signals: &mut Signals,
    ) -> io::Result<Event> {
        tokio::select! {
            _ = timer.tick() => Ok(Event::Drain),
            guard = self.probes.readable_mut() => {
                guard?.clear_ready();
                Ok(Event::Drain)
            }
            status = exit_of(child) => Ok(Event::End(Ended::Command(status?))),
            number = signals.next() => Ok(Event::End(Ended::Signal(number))),
            () = self.stop.notified() => Ok(Event::End(Ended::Stopped)),
        }
    }

    fn drain(&mut self) -> Result<(), CaptureError> {
        let taken = self.probes.get_mut().drain();
        self.put_operations(taken)?;
        self.drains += 1;
        if self.drains.is_multiple_of(LOSS_EVERY_DRAINS) {
            self.put_loss()?;
            let news = [self.own_use(), self.maps()];
            self.put_each(news)?;
        }
        Ok(())
    }

    fn put_operations(&mut self, taken: Result<Vec<Operation>, DecodeError>) -> Result<(), CaptureError> {
        // Probes and decoder are compiled into one binary from one definition: a record that does not decode is a defect.
        let mut operations = taken.expect("the embedded probes write what we read");
        self.operations += operations.len() as u64;
        // Not before the ring was emptied: what these operations need is in the pipe by now.
        if let Some(marks) = &mut self.marks {
            marks.label(&mut operations);
        }
        // Before what it is for.
        if let Some(calibration) = self.probes.get_mut().calibration(host::now_ns()) {
            self.put(Frame::Calibration(calibration))?;
        }
        if operations.is_empty() {
            self.put(Frame::Tick { at_ns: host::now_ns() })?;
        }
        while !operations.is_empty() {
            let rest = operations.split_off(operations.len().min(OPERATIONS_PER_FRAME));
            self.put(Frame::Operations(std::mem::replace(&mut operations, rest)))?;
        }
        let named = self.marks.as_mut().map(Marks::named).unwrap_or_default();
        self.put_each(named.into_iter().map(|mark| Some(Frame::Mark(mark))))
    }

    fn maps(&mut self) -> Option<Frame> {
        self.probes.get_mut().live_maps().map(Frame::Maps)
    }

    async fn finish(mut self, ended: Ended, stopped: Option<Stopped>, signals: &mut Signals) -> Result<Finished, CaptureError> {
        let timeout = if matches!(ended, Ended::Signal(_)) { READ_TIMEOUT_AFTER_SIGNAL } else { READ_TIMEOUT };
        let stall = Stall::new(self.sink.progress().unwrap_or_default(), Instant::now(), timeout);
        self.drain()?;
        let maps = self.probes.get_mut().live_maps_and_holders().map(Frame::Maps);
        // What it used is said now: to detach takes more than many seconds of recording.
        self.put_each([maps, self.own_use()])?;
        let taken = self.probes.get_mut().finish();
        self.put_operations(taken)?;
        let (loss, filtered) = (self.loss(), self.filter_report());
        let last = [
            self.marks.as_ref().and_then(Marks::remark).map(Frame::Mark),
            Some(Frame::Loss(loss.clone())),
            filtered.clone().map(Frame::Filtered),
            Some(Frame::End { at_ns: host::now_ns() }),
        ];
        last.into_iter().flatten().try_for_each(|frame| self.put_by(S::put_last, frame))?;
        self.all_is_written(stall, signals).await?;
        let left_out_marks = self.marks.map(|marks| marks.left_out()).unwrap_or_default();
        let left_out: u64 = self.sink.left_out().iter().map(|counter| counter.count).sum();
        let operations = self.operations.saturating_sub(left_out);
        Ok(Finished { ended, operations, loss, filtered, left_out_marks, stopped, unwritten: self.unwritten })
    }

    /// Waits for whoever reads the recording, as long as he takes any of it.
    async fn all_is_written(&mut self, mut stall: Stall, signals: &mut Signals) -> Result<(), CaptureError> {
        while self.unwritten.is_none() {
            let progress = self.sink.progress().or_else(|error| self.cannot_write(error).map(|()| Progress::default()))?;
            if progress.waiting_bytes == 0 {
                break;
            }
            let is_over = stall.is_over(progress, Instant::now());
            let again = tokio::select! {
                _ = signals.next() => true,
                () = sleep(LOOK_EVERY) => false,
            };
            if is_over || again {
                return Err(CaptureError::Unread { bytes: progress.waiting_bytes });
            }
        }
        Ok(())
    }

    fn loss(&self) -> LossReport {
        let mut report = self.probes.get_ref().loss(host::now_ns());
        report.counters.extend(self.sink.left_out());
        report
    }

    fn put_loss(&mut self) -> Result<(), CaptureError> {
        let report = self.loss();
        self.put_each([Some(Frame::Loss(report)), self.filtered()])
    }

    fn own_use(&self) -> Option<Frame> {
        host::own_use(self.cpu_ns).map(Frame::Recorder)
    }

    fn filter_report(&self) -> Option<FilterReport> {
        let filter = self.filter.clone()?;
        let left_out = self.probes.get_ref().left_out();
        Some(FilterReport { at_ns: host::now_ns(), filter, left_out })
    }

    fn filtered(&self) -> Option<Frame> {
        self.filter_report().map(Frame::Filtered)
    }

    fn put_each(&mut self, frames: impl IntoIterator<Item = Option<Frame>>) -> Result<(), CaptureError> {
        frames.into_iter().flatten().try_for_each(|frame| self.put(frame))
    }

    fn put(&mut self, frame: Frame) -> Result<(), CaptureError> {
        self.put_by(S::put, frame)
    }

    fn put_by(&mut self, put: impl FnOnce(&mut S, Frame) -> io::Result<()>, frame: Frame) -> Result<(), CaptureError> {
        if self.unwritten.is_some() {
            return Ok(());
        }
        put(&mut self.sink, frame).or_else(|error| self.cannot_write(error))
    }

    /// An error, unless the command is to go on all the same.
    fn cannot_write(&mut self, source: io::Error) -> Result<(), CaptureError> {
        if !self.keeps_going {
            return Err(CaptureError::Write { source });
        }
        self.unwritten = Some(source);
        Ok(())
    }
}

/// The command's exit; never, where there is none.
async fn exit_of(child: &mut Option<&mut Child>) -> io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}

/// Signals that end a recording: but for a hangup that was ignored when this process began, as `nohup` has it. An interrupt does even
/// then: shells have what they start in the background ignore it, and scripts end a recording by it all the same.
struct Signals([Option<Signal>; 3]);

/// Their numbers.
const NUMBERS: [Number; 3] = [Number::SIGINT, Number::SIGTERM, Number::SIGHUP];

impl Signals {
    fn new() -> io::Result<Self> {
        let caught = |number: Number| {
            if number == Number::SIGHUP && is_ignored(number as i32) {
                Ok(None)
            } else {
                signal(SignalKind::from_raw(number as i32)).map(Some)
            }
        };
        let [interrupt, terminate, hangup] = NUMBERS.map(caught);
        Ok(Self([interrupt?, terminate?, hangup?]))
    }

    /// The number of the next one.
    async fn next(&mut self) -> i32 {
        let [interrupt, terminate, hangup] = &mut self.0;
        let place = tokio::select! {
            () = received(interrupt) => 0,
            () = received(terminate) => 1,
            () = received(hangup) => 2,
        };
        NUMBERS[place] as i32
    }
}

/// When it comes; never, where it is ignored.
async fn received(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
