//! One recording, from attaching to its end frame: drains the ring, watches the command, counts losses.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::io::unix::AsyncFd;
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::{CaptureError, Probes, host};
use crate::model::Clock;
use crate::recording::{Frame, Writer};

/// How often the ring is emptied, unless it fills sooner: often enough for a live view, seldom enough to cost nothing.
const DRAIN_EVERY: Duration = Duration::from_millis(100);
/// Losses are counted every so many drains.
const LOSS_EVERY_DRAINS: u32 = 10;
/// Operations per frame: keeps frames far below what a reader takes for damage.
const OPERATIONS_PER_FRAME: usize = 4096;

/// What to record.
#[derive(Debug, Default)]
pub struct Options {
    /// Name of the run; by default host and time.
    pub run: Option<String>,
    /// The clock behind the nanoseconds: the machine cannot tell by itself.
    pub clock: Clock,
    /// Program and arguments to run while recording; empty: until a signal comes.
    pub command: Vec<OsString>,
}

/// Why a recording ended.
#[derive(Debug)]
pub enum Ended {
    /// The command ended.
    Command(ExitStatus),
    /// SIGINT or SIGTERM came.
    Signal,
}

/// Records until the command ends or a signal comes. `ready` is called once all hooks are attached.
pub async fn record(options: Options, out: impl Write, ready: impl FnOnce(&Probes)) -> Result<Ended, CaptureError> {
    let probes = Probes::attach()?;
    ready(&probes);
    let environment = host::environment(options.run, options.clock, probes.status().to_vec());
    let writer = Writer::begin(out, &environment).map_err(|source| CaptureError::Write { source })?;
    // SAFETY: `Probes` hands out one descriptor, which stays open as long as it lives.
    let probes = unsafe { AsyncFd::register(probes) }.map_err(|error| CaptureError::Wait(error.into()))?;
    let mut session = Session { probes, writer, drains: 0 };
    let mut child = start(&options.command)?;
    let ended = session.run(child.as_mut()).await;
    if let (Err(_) | Ok(Ended::Signal), Some(child)) = (&ended, child.as_mut()) {
        // It would go on unwatched.
        let _ = child.start_kill();
        let _ = child.wait().await;
    }
    let ended = ended?;
    session.finish()?;
    Ok(ended)
}

fn start(command: &[OsString]) -> Result<Option<Child>, CaptureError> {
    let Some((program, arguments)) = command.split_first() else { return Ok(None) };
    let child = Command::new(program).args(arguments).spawn();
    child.map(Some).map_err(|source| CaptureError::Command { command: program.to_string_lossy().into_owned(), source })
}

struct Session<W: Write> {
    probes: AsyncFd<Probes>,
    writer: Writer<W>,
    drains: u32,
}

/// What a recording waits for.
enum Event {
    Drain,
    Exit(std::io::Result<ExitStatus>),
    Signal,
}

impl<W: Write> Session<W> {
    async fn run(&mut self, mut child: Option<&mut Child>) -> Result<Ended, CaptureError> {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(CaptureError::Wait)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(CaptureError::Wait)?;
        let mut timer = interval(DRAIN_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match self.next_event(&mut child, &mut timer, [&mut interrupt, &mut terminate]).await? {
                Event::Drain => self.drain()?,
                Event::Exit(status) => return status.map(Ended::Command).map_err(CaptureError::Wait),
                Event::Signal => return Ok(Ended::Signal),
            }
        }
    }

    async fn next_event(
        &mut self,
        child: &mut Option<&mut Child>,
        timer: &mut Interval,
        signals: [&mut Signal; 2],
    ) -> Result<Event, CaptureError> {
        let [interrupt, terminate] = signals;
        tokio::select! {
            _ = timer.tick() => Ok(Event::Drain),
            guard = self.probes.readable_mut() => {
                guard.map_err(CaptureError::Wait)?.clear_ready();
                Ok(Event::Drain)
            }
            status = exit_of(child) => Ok(Event::Exit(status)),
            _ = interrupt.recv() => Ok(Event::Signal),
            _ = terminate.recv() => Ok(Event::Signal),
        }
    }

    fn drain(&mut self) -> Result<(), CaptureError> {
        let records = self.probes.get_mut().drain();
        // Probes and decoder are compiled into one binary from one definition: a record that does not decode is a defect.
        let operations: Vec<_> =
            records.into_iter().map(|record| record.expect("the embedded probes write what we read")).collect();
        let quiet = operations.is_empty();
        for chunk in operations.chunks(OPERATIONS_PER_FRAME) {
            self.write(&Frame::Operations(chunk.to_vec()))?;
        }
        self.drains += 1;
        if self.drains.is_multiple_of(LOSS_EVERY_DRAINS) {
            self.write_loss()?;
        }
        if quiet {
            self.write(&Frame::Tick { at_ns: host::now_ns() })?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), CaptureError> {
        self.drain()?;
        self.write_loss()?;
        self.write(&Frame::End { at_ns: host::now_ns() })
    }

    fn write_loss(&mut self) -> Result<(), CaptureError> {
        let report = self.probes.get_ref().loss(host::now_ns());
        self.write(&Frame::Loss(report))
    }

    fn write(&mut self, frame: &Frame) -> Result<(), CaptureError> {
        self.writer.write(frame).map_err(|source| CaptureError::Write { source })
    }
}

/// The command's exit; never, where there is none.
async fn exit_of(child: &mut Option<&mut Child>) -> std::io::Result<ExitStatus> {
    match child {
        Some(child) => child.wait().await,
        None => std::future::pending().await,
    }
}
