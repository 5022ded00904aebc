//! What all commands that capture have in common: the runtime, the words about hooks, and how an ended recording becomes an exit.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use grantscope_analysis::model::{Environment, HookStatus};
use grantscope_analysis::recording::FrameSink;
use grantscope_collector::{Ended, Finished, Means, Options, Probes, record};

use crate::cli::MeansName;
use crate::exit::Exit;

impl From<MeansName> for Means {
    fn from(name: MeansName) -> Self {
        match name {
            MeansName::Best => Self::Best,
            MeansName::Kprobe => Self::Kprobe,
        }
    }
}

/// Records on this thread until it is over.
pub fn run(options: Options, sink: impl FrameSink, ready: impl FnOnce(&Probes)) -> Result<Finished> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the event loop")?;
    Ok(runtime.block_on(record(options, sink, ready))?)
}

/// A capture that runs on a thread of its own.
pub struct Background {
    thread: JoinHandle<Result<Finished>>,
}

impl Background {
    /// Starts it, and waits until all hooks are attached: what stands in the way is known before a screen is drawn.
    pub fn start(options: Options, sink: impl FrameSink + Send + 'static) -> Result<Self> {
        let (attached, waiting): (Sender<()>, Receiver<()>) = channel();
        let thread = thread::spawn(move || {
            run(options, sink, |_| {
                // Nobody waits any more only if this process is ending.
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
    pub fn finish(self) -> Result<Finished> {
        self.thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

/// Says on standard error what is attached, and what is therefore missing.
pub fn report_hooks(hooks: &[HookStatus]) {
    let environment = Environment { hooks: hooks.to_vec(), ..Environment::default() };
    let (attached, all) = environment.hooks_attached();
    eprintln!("grantscope: {attached} of {all} hooks attached");
    for status in hooks.iter().filter(|status| status.attached_by.is_none()) {
        let problem = status.problem.as_deref().unwrap_or("no reason known");
        eprintln!("grantscope: without {} ({problem}): {}", status.hook.name(), status.hook.about());
    }
}

/// Says on standard error what came of it.
pub fn report_end(finished: &Finished) {
    eprintln!("grantscope: {} operations recorded, {} lost", finished.operations, finished.loss.operations());
    for counter in &finished.loss.counters {
        eprintln!("grantscope: {} × {} at {}: {}", counter.count, counter.kind.name(), counter.hook.name(), counter.kind.about());
    }
}

/// The exit code that passes on how it ended.
pub fn exit(ended: Ended) -> Exit {
    match ended {
        Ended::Command(status) => exit_of_command(status),
        // Ctrl-C is how a recording without a command is ended.
        Ended::Signal(_) | Ended::Stopped => Exit::Ok,
    }
}

fn exit_of_command(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Child(code as u8),
        (None, signal) => Exit::Signal(signal.unwrap_or_default() as u8),
    }
}
