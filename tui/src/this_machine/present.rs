//! A build with the probes: records this machine, and looks at it.

use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Error, Result, anyhow};
use grantscope_analysis::live::Ledger;
use grantscope_analysis::model::AttachMode;
use grantscope_analysis::model::Filter;
use grantscope_analysis::model::{Environment, HookStatus};
use grantscope_analysis::recording::{Frame, FrameSink};
use grantscope_analysis::report::text::doctor::Report;
use grantscope_analysis::shown::{Shown, counted, number};
use grantscope_collector::{
    CaptureError, Ended, Finished, LeftOutMarks, MARKS_VARIABLE, Notify, Options, Probes, Stopped, addresses, pids,
};

use grantscope_output::say;

use crate::exit::Exit;
use crate::this_machine::capture::Capture;
use crate::this_machine::filtered;

/// Records until the command ends or a signal comes. The exit code of the command is passed on.
///
/// # Errors
/// The sink cannot be opened, the probes cannot be attached, or the recording cannot be written.
pub fn record<S: FrameSink>(capture: Capture, sink: impl FnOnce() -> Result<S>) -> Result<Exit> {
    let has_command = capture.command.is_some();
    let finished = run(options(capture, Arc::default()), sink()?, report_probes).map_err(|error| named(error, has_command))?;
    report_end(&finished, has_command);
    Ok(exit(&finished))
}

/// A reader of the recording that is gone is no reader that has seen enough: what was to be recorded is not.
fn named(error: Error, has_command: bool) -> Error {
    let is_gone =
        |error: &CaptureError| matches!(error, CaptureError::Write { source } if source.kind() == ErrorKind::BrokenPipe);
    if !error.downcast_ref().is_some_and(is_gone) {
        return error;
    }
    let command = if has_command { ", and COMMAND was ended; with --keep-going it goes on to its end" } else { "" };
    anyhow!("whoever read the recording is gone: nothing more was recorded{command}")
}

/// Records while `watch` shows what `prepare` made for it; when that returns, the recording ends.
/// Gives back how the command ended (`None`: it was stopped), and what `watch` returned.
///
/// # Errors
/// `prepare` fails, the probes cannot be attached, or the recording cannot be written.
pub fn record_and_watch<S: FrameSink + Send + 'static, W>(
    prepare: impl FnOnce() -> Result<(Capture, S, W)>,
    watch: impl FnOnce(W) -> Result<Exit>,
) -> Result<(Option<ExitStatus>, Result<Exit>)> {
    let (capture, sink, watched) = prepare()?;
    let stop = Arc::new(Notify::new());
    let has_command = capture.command.is_some();
    let background = Background::start(options(capture, stop.clone()), sink)?;
    let watched = watch(watched);
    // The viewer is gone: quit by its user, or at the end. In the second case there is nothing left to stop.
    stop.notify_one();
    let finished = background.finish()?;
    report_end(&finished, has_command);
    let command = match finished.ended {
        Ended::Command(status) => Some(status),
        Ended::Signal(_) | Ended::Stopped => None,
    };
    Ok((command, watched))
}

/// The frames of this machine, as they come. The probes are detached when this process ends.
///
/// # Errors
/// The probes cannot be attached.
pub fn live(filter: Filter) -> Result<Receiver<Frame>> {
    let (sender, frames) = channel();
    Background::start(Options { filter, ..Options::default() }, sender)?;
    Ok(frames)
}

/// What can be profiled on this machine.
///
/// # Errors
/// Never: what cannot be found out is a finding.
pub fn examine(mode: AttachMode) -> Result<Report> {
    Ok(grantscope_collector::examine(mode))
}

/// What is mapped now, and the bytes of a page.
///
/// # Errors
/// The rights are missing, or the kernel does not describe gntdev's structures.
pub fn list_maps() -> Result<(Ledger, u32)> {
    Ok(grantscope_collector::list_maps()?)
}

fn options(capture: Capture, stop: Arc<Notify>) -> Options {
    let Capture { run, clock, attach, detail, filter, command, keeps_going } = capture;
    Options { run, clock, attach, detail, filter, command, keeps_going, stop }
}

/// Records on this thread until it is over.
fn run(options: Options, sink: impl FrameSink, ready: impl FnOnce(&Probes)) -> Result<Finished> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the event loop")?;
    Ok(runtime.block_on(grantscope_collector::record(options, sink, ready))?)
}

/// A capture that runs on a thread of its own.
struct Background {
    thread: JoinHandle<Result<Finished>>,
}

impl Background {
    /// Starts it, and waits until all hooks are attached: obstacles are known before a screen is drawn.
    fn start(options: Options, sink: impl FrameSink + Send + 'static) -> Result<Self> {
        let (attached, waiting): (Sender<()>, Receiver<()>) = channel();
        let thread = thread::spawn(move || {
            run(options, sink, |probes| {
                report_hidden(probes);
                // The receiver is gone only if this process is ending.
                let _ = attached.send(());
            })
        });
        let background = Self { thread };
        match waiting.recv() {
            Ok(()) => Ok(background),
            // Its end of the channel is gone without a word: it failed.
            Err(_) => background.finish().map(|_| unreachable!("a capture that ends well was attached")),
        }
    }

    /// Waits for its end.
    fn finish(self) -> Result<Finished> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Says on standard error what is attached, and what is missing without the rest.
fn report_probes(probes: &Probes) {
    report_hooks(probes.status());
    report_hidden(probes);
    if let Some(problem) = probes.uncalibrated() {
        say!("grantscope: times stay raw, the probes' own cost is in them: {}", Shown(problem));
    }
}

/// Says what of this machine is hidden from this process, and what is therefore not known.
fn report_hidden(probes: &Probes) {
    if let Some(hidden) = addresses::hidden() {
        say!("grantscope: {}: {}; to do: {}", hidden.fact, addresses::WITHOUT, hidden.remedy);
    }
    report_pids(probes.filter());
}

/// Says which process ids a recording has, where they are not those of its maker.
fn report_pids(filter: &Filter) {
    if !pids::are_namespaced() {
        return;
    }
    let process = filter.pid.map(|pid| format!(" (--pid is {pid} there)")).unwrap_or_default();
    say!(
        "grantscope: this PID namespace is not the initial one, whose process ids are recorded{process}: phases, mappings from before, and \
         owners that end are not known; outside the container they are"
    );
}

fn report_hooks(hooks: &[HookStatus]) {
    let environment = Environment { hooks: hooks.to_vec(), ..Environment::default() };
    let (attached, all) = environment.hooks_attached();
    say!("grantscope: {attached} of {all} hooks attached");
    for status in hooks.iter().filter(|status| status.attached_by.is_none()) {
        let problem = status.problem.as_deref().unwrap_or("no reason known");
        say!("grantscope: without {} ({}): {}", status.hook.name(), Shown(problem), status.hook.about());
    }
}

/// Says on standard error what came of it.
fn report_end(finished: &Finished, has_command: bool) {
    say!("grantscope: {} recorded, {} lost", counted(finished.operations, "operation"), number(finished.loss.operations()));
    for counter in &finished.loss.counters {
        say!("grantscope: {} × {} at {}: {}", counter.count, counter.kind.name(), counter.hook.name(), counter.kind.about());
    }
    if let Some(remark) = filtered::remark(finished.filtered.as_ref(), finished.operations, has_command) {
        say!("grantscope: {remark}");
    }
    report_marks(&finished.left_out_marks);
    match finished.stopped {
        Some(Stopped::Killed) => say!("grantscope: COMMAND was asked to end, did not within 10 s, and was killed"),
        Some(Stopped::KilledAtOnce) => say!("grantscope: COMMAND was asked to end, and killed when the second signal came"),
        Some(Stopped::Ended) | None => {}
    }
    if let Some(error) = &finished.unwritten {
        say!("grantscope: the recording could not be written to its end ({error}): it is cut short");
    }
}

/// Says what of the command's marks is not in the recording.
fn report_marks(left_out: &LeftOutMarks) {
    let unreadable = &left_out.unreadable;
    if unreadable.lines > 0 {
        say!(
            "grantscope: {} lines in {MARKS_VARIABLE} are no marks and were left out, the first is {:?}: write `THREAD NANOSECONDS PHASE`, \
             `mark NAME` or `mark@NANOSECONDS NAME`, with the time on CLOCK_MONOTONIC, as docs/phases.md says",
            unreadable.lines,
            unreadable.first
        );
    }
    if left_out.named > 0 {
        say!(
            "grantscope: {} of COMMAND left out, because there were more than docs/phases.md allows: write fewer",
            counted(left_out.named, "name")
        );
    }
}

/// The exit code that passes on how it ended.
fn exit(finished: &Finished) -> Exit {
    match finished.ended {
        Ended::Signal(number) if finished.stopped.is_some() => Exit::Signal(u8::try_from(number).unwrap_or(u8::MAX)),
        Ended::Command(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Child(code as u8),
            (None, signal) => Exit::Signal(signal.unwrap_or_default() as u8),
        },
        // Ctrl-C is how a recording without a command is ended.
        Ended::Signal(_) | Ended::Stopped => Exit::OK,
    }
}
