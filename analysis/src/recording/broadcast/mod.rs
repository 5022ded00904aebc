//! One recording for several viewers at once, beside the file or in its place.
//!
//! Whoever records puts frames and never waits: a thread of its own takes them and keeps what a viewer needs, also one that comes
//! late: the state so far, and as many of the last operations as there is room for, in bytes. Each viewer has a thread that reads there at
//! the viewer's own pace. One that is so slow that operations are forgotten before it gets them is told how many. So what is kept is
//! bounded once, however many viewers there are, and however slow.

mod counts;
mod kept;
mod operations;
mod state;
#[cfg(test)]
mod tests;
mod viewer;

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::{Frame, FrameSink, Progress};
use crate::model::LossCounter;

use self::counts::Counts;
use self::kept::Shared;
pub use self::kept::{MOST_KEPT_BYTES, MOST_VIEWERS};

/// Operations that may wait for the thread that keeps them, which waits for nobody: some 40 MiB, a second of the fastest.
const MOST_WAITING: usize = 1 << 17;

/// A recording that goes to viewers, and to a file if there is one.
#[derive(Debug)]
pub struct Broadcast<S> {
    file: Option<S>,
    keeper: Keeper,
    shared: Arc<Shared>,
}

/// Where viewers are added.
#[derive(Clone, Debug)]
pub struct Viewers(Arc<Shared>);

impl Viewers {
    /// Begins to send the recording there, from its beginning as far as that is kept; false: it has as many viewers as it serves, and
    /// nothing is sent.
    ///
    /// # Errors
    /// There can be no thread.
    pub fn add(&self, out: impl Write + Send + 'static) -> io::Result<bool> {
        viewer::spawn(&self.0, out)
    }
}

impl<S: FrameSink> Broadcast<S> {
    /// With this file, and no viewer yet.
    ///
    /// # Errors
    /// There can be no thread.
    pub fn new(file: Option<S>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        Ok(Self { file, keeper: Keeper::new(&shared)?, shared })
    }

    /// Where viewers are added.
    pub fn viewers(&self) -> Viewers {
        Viewers(Arc::clone(&self.shared))
    }

    fn put_by(&mut self, put: impl FnOnce(&mut S, Frame) -> io::Result<()>, frame: Frame) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            self.keeper.give(frame);
            return Ok(());
        };
        self.keeper.give(frame.clone());
        put(file, frame)
    }
}

impl<S: FrameSink> FrameSink for Broadcast<S> {
    const READS_STAGES: bool = S::READS_STAGES;

    fn put(&mut self, frame: Frame) -> io::Result<()> {
        self.put_by(S::put, frame)
    }

    fn put_last(&mut self, frame: Frame) -> io::Result<()> {
        self.put_by(S::put_last, frame)
    }

    /// Of the file alone: viewers are waited for at the end, and only for a moment.
    fn progress(&self) -> io::Result<Progress> {
        self.file.as_ref().map_or(Ok(Progress::default()), S::progress)
    }

    /// Of the file alone: each viewer is told what it lacks.
    fn left_out(&self) -> Vec<LossCounter> {
        self.file.as_ref().map_or_else(Vec::new, S::left_out)
    }
}

impl<S> Drop for Broadcast<S> {
    /// Viewers that follow get all of it; one that takes nothing is left behind.
    fn drop(&mut self) {
        self.keeper.finish();
        self.shared.wait_for_viewers();
    }
}

/// The way to the thread that keeps what viewers need.
#[derive(Debug)]
struct Keeper {
    /// `None`: nothing more comes.
    sender: Option<Sender<News>>,
    waiting: Arc<AtomicUsize>,
    left_out: Counts,
    thread: Option<JoinHandle<()>>,
}

/// What it gets.
enum News {
    Frame(Frame),
    LeftOut(Counts),
}

impl Keeper {
    fn new(shared: &Arc<Shared>) -> io::Result<Self> {
        let (sender, news) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (shared, its_waiting) = (Arc::clone(shared), Arc::clone(&waiting));
        let keep = move || keep(&news, &shared, &its_waiting);
        let thread = thread::Builder::new().name("keep".to_owned()).spawn(keep)?;
        Ok(Self { sender: Some(sender), waiting, left_out: Counts::default(), thread: Some(thread) })
    }

    fn give(&mut self, frame: Frame) {
        let Frame::Operations(operations) = &frame else {
            self.send(News::Frame(frame));
            return;
        };
        if self.waiting.load(Ordering::Relaxed) > MOST_WAITING {
            self.left_out.add_operations(operations);
            return;
        }
        self.waiting.fetch_add(operations.len(), Ordering::Relaxed);
        self.send(News::Frame(frame));
    }

    fn send(&mut self, news: News) {
        let Some(sender) = &self.sender else { return };
        if !self.left_out.is_empty() {
            // The receiver is gone only if its thread has panicked: then there are no viewers, and the recording goes on.
            let _ = sender.send(News::LeftOut(std::mem::take(&mut self.left_out)));
        }
        let _ = sender.send(news);
    }

    /// Waits until it has kept all that it was given, which takes no longer than to encode that.
    fn finish(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Keeps what comes, until nothing more does.
fn keep(news: &Receiver<News>, shared: &Shared, waiting: &AtomicUsize) {
    for news in news {
        match news {
            News::LeftOut(counts) => shared.leave_out(&counts),
            News::Frame(Frame::Operations(operations)) => {
                let count = operations.len();
                shared.keep(operations);
                waiting.fetch_sub(count, Ordering::Relaxed);
            }
            News::Frame(frame) => shared.set(frame),
        }
    }
    shared.end();
}
