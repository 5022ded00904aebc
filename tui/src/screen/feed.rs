//! The thread that reads frames and passes them on to the event loop, at the pace of the recording.
//!
//! The channel to the event loop has no bound. With a bound, a viewer that is slow for a moment would hold the stream, the
//! recorder at its other end would stop reading the kernel's ring buffer, and operations would be lost: a viewer must
//! never change what it watches. Memory stays small all the same: the event loop spends nearly all its time on taking in
//! frames, because it draws at most ten times a second. Only a file, which loses nothing by waiting, is held when too many
//! of its frames wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use grantscope_analysis::recording::Frame;

use crate::screen::event::Event;
use crate::source::frames::{Ended, FrameSource, Input, Origin};
use crate::source::pace::{Pace, Speed, time_of};

/// Frames of a file that may wait for the event loop.
const MAX_WAITING: usize = 256;

/// How many frames wait for the event loop.
#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<AtomicUsize>);

impl Backlog {
    fn put(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One frame was taken.
    pub fn take(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn wait_for_room(&self) {
        while self.0.load(Ordering::Relaxed) > MAX_WAITING {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Starts reading. Ends with the input, or with the event loop.
pub fn spawn(input: Input, speed: Speed, events: Sender<Event>, backlog: Backlog) {
    thread::spawn(move || {
        let ended = match input.origin {
            Origin::Live => forward(input.source, &events, |_| backlog.put()),
            Origin::Replay => {
                let mut pace = Pace::new(speed);
                forward(input.source, &events, |frame| {
                    thread::sleep(pace.wait(time_of(frame), Instant::now()));
                    backlog.wait_for_room();
                    backlog.put();
                })
            }
        };
        // The event loop has ended: the end of the input makes no difference to it.
        let _ = events.send(Event::StreamEnded(ended));
    });
}

fn forward(mut source: Box<dyn FrameSource>, events: &Sender<Event>, mut before: impl FnMut(&Frame)) -> Ended {
    let mut on_purpose = false;
    loop {
        match source.next_frame() {
            Ok(None) if on_purpose => return Ended::Complete,
            Ok(None) => return Ended::CutShort("the capture stopped without an end frame".to_owned()),
            Err(ended) => return ended,
            Ok(Some(frame)) => {
                before(&frame);
                on_purpose = matches!(frame, Frame::End { .. });
                if events.send(Event::Frame(frame)).is_err() {
                    return Ended::Complete;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn ending(frames: &[Frame]) -> Ended {
        let (sender, source) = mpsc::channel();
        frames.iter().for_each(|frame| sender.send(frame.clone()).unwrap());
        drop(sender);
        let (events, incoming) = mpsc::channel();
        spawn(Input { origin: Origin::Live, source: Box::new(source) }, Speed::Max, events, Backlog::default());
        let Some(Event::StreamEnded(ended)) = incoming.into_iter().last() else { panic!("no end was reported") };
        ended
    }

    #[test]
    fn a_capture_that_dies_is_not_taken_for_one_that_ended() {
        assert!(ending(&[Frame::Tick { at_ns: 1 }]).is_partial());
        assert_eq!(ending(&[Frame::Tick { at_ns: 1 }, Frame::End { at_ns: 2 }]), Ended::Complete);
    }
}
