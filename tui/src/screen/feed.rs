//! The thread that reads frames and passes them on to the event loop, at the pace of the recording.
//!
//! Only so many operations wait for the event loop: a viewer that is slow for a moment holds nobody, because it draws at most four times a
//! second, but for keys, and spends the rest of its time on taking in frames; one that cannot follow reads no further, and its memory stays small.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use grantscope_analysis::model::Operation;
use grantscope_analysis::recording::Frame;

use crate::screen::event::Event;
use crate::source::control::Control;
use crate::source::frames::{Ended, FrameSource, Input, Origin};
use crate::source::pace::time_of;
use crate::source::tee::Tee;

/// Operations that may wait for the event loop: some 5 MiB, and what can be recorded while it makes ten pictures of a large terminal.
const MOST_WAITING: usize = 1 << 14;

/// How much waits for the event loop: operations; what other frames list weighs as much, each.
#[derive(Clone, Debug, Default)]
pub struct Backlog(Arc<AtomicUsize>);

impl Backlog {
    /// One more frame waits; where there is no room, not before there is, or nobody watches any more.
    fn put(&self, frame: &Frame, control: &Control) {
        while self.0.load(Ordering::Relaxed) > MOST_WAITING && !control.is_over() {
            thread::sleep(Duration::from_millis(1));
        }
        self.0.fetch_add(weight(frame), Ordering::Relaxed);
    }

    /// One frame was taken.
    pub fn take(&self, frame: &Frame) {
        self.0.fetch_sub(weight(frame), Ordering::Relaxed);
    }
}

fn weight(frame: &Frame) -> usize {
    let weight = match frame {
        Frame::Operations(operations) => operations.iter().map(weight_of).sum(),
        Frame::Environment(environment) => environment.hooks.len(),
        Frame::Loss(report) => report.counters.len(),
        Frame::Maps(report) => report.gone.len() + report.changed.iter().map(|map| 1 + map.holders.len()).sum::<usize>(),
        Frame::Calibration(calibration) => calibration.crossings.len(),
        Frame::Filtered(_) | Frame::Recorder(_) | Frame::Mark(_) | Frame::Tick { .. } | Frame::End { .. } => 0,
    };
    weight.max(1)
}

/// Starts reading. Ends with the input, or with the event loop.
pub fn spawn(input: Input, control: Control, events: Sender<Event>, backlog: Backlog) -> JoinHandle<()> {
    thread::spawn(move || {
        let (mut pace, mut tee) = (control.pace(), input.tee);
        let ended = forward(input.source, &events, |frame| {
            if let Some(why) = tee.as_ref().and_then(Tee::problem) {
                // Once is enough; whether anybody is there to see it, the frame will tell.
                tee = None;
                let _ = events.send(Event::Unwritten(why));
            }
            if input.origin == Origin::Live || control.wait(&mut pace, time_of(frame)) {
                backlog.put(frame, &control);
            }
            !control.is_over()
        });
        // The event loop has ended: the end of the input makes no difference to it.
        let _ = events.send(Event::StreamEnded(ended));
    })
}

/// `before`: whether the frame is still wanted.
fn forward(mut source: Box<dyn FrameSource>, events: &Sender<Event>, mut before: impl FnMut(&Frame) -> bool) -> Ended {
    let mut on_purpose = false;
    loop {
        match source.next_frame() {
            Ok(None) if on_purpose => return Ended::Complete,
            Ok(None) => return Ended::CutShort("the capture stopped without an end frame".to_owned()),
            Err(ended) => return ended,
            Ok(Some(frame)) => {
                let is_wanted = before(&frame);
                on_purpose = matches!(frame, Frame::End { .. });
                if !is_wanted || events.send(Event::Frame(frame)).is_err() {
                    return Ended::Complete;
                }
            }
        }
    }
}

/// Most have a short log and no details: those have memory of their own.
fn weight_of(operation: &Operation) -> usize {
    1 + operation.log.len() / 32 + operation.details.len() / 8 + operation.caller().map_or(0, |name| name.len() / 256)
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::sync::mpsc;

    use grantscope_wire::Buffer;

    use super::*;
    use crate::screen::fixtures::{S, export};
    use crate::source::pace::Playback;
    use crate::source::pace::Speed;

    fn control() -> Control {
        Control::new(Playback::at(Speed::Max))
    }

    /// A replay of a tick in each second, which goes on until it is told otherwise.
    fn replay(playback: Playback) -> (Control, JoinHandle<()>, mpsc::Receiver<Event>) {
        let (sender, source) = mpsc::channel();
        (0..1_000).for_each(|second| sender.send(Frame::Tick { at_ns: second * S }).unwrap());
        let (events, incoming) = mpsc::channel();
        let control = Control::new(playback);
        let input = Input { origin: Origin::Replay, ..Input::live(Box::new(source)) };
        let feed = spawn(input, control.clone(), events, Backlog::default());
        (control, feed, incoming)
    }

    fn came(incoming: &mpsc::Receiver<Event>) -> usize {
        iter::from_fn(|| incoming.recv_timeout(Duration::from_millis(300)).ok()).count()
    }

    #[test]
    fn a_replay_that_is_held_stands_there_and_goes_on_from_there() {
        let held = |at_ns| Playback { held_at_ns: Some(at_ns), ..Playback::at(Speed::Max) };
        let (control, _, incoming) = replay(held(9 * S));
        assert_eq!(came(&incoming), 10);
        control.set(held(11 * S));
        assert_eq!(came(&incoming), 2);
        control.set(Playback::at(Speed::Max));
        assert_eq!(came(&incoming), 1_000 - 12 + 1, "the rest, and the end");
    }

    #[test]
    fn a_feed_ends_with_the_loop_also_while_it_is_held_or_waits() {
        for playback in [Playback { held_at_ns: Some(0), ..Playback::at(Speed::Max) }, Playback::at(Speed::Times(1e-9))] {
            let (control, feed, incoming) = replay(playback);
            assert!(incoming.recv_timeout(Duration::from_secs(10)).is_ok());
            control.end();
            feed.join().unwrap();
        }
    }

    fn ending(frames: &[Frame]) -> Ended {
        let (sender, source) = mpsc::channel();
        frames.iter().for_each(|frame| sender.send(frame.clone()).unwrap());
        drop(sender);
        let (events, incoming) = mpsc::channel();
        spawn(Input::live(Box::new(source)), control(), events, Backlog::default());
        let Some(Event::StreamEnded(ended)) = incoming.into_iter().last() else { panic!("no end was reported") };
        ended
    }

    #[test]
    fn who_cannot_follow_is_not_fed_without_end() {
        let frame = || Frame::Operations(vec![export(Buffer::Wc, 1, 10); 4_096]);
        let (sender, source) = mpsc::channel();
        (0..100).for_each(|_| sender.send(frame()).unwrap());
        let (events, incoming) = mpsc::channel();
        let backlog = Backlog::default();
        spawn(Input::live(Box::new(source)), control(), events, backlog.clone());
        // Nothing is taken; what had room came, and nothing more does.
        let came = iter::from_fn(|| incoming.recv_timeout(Duration::from_millis(300)).ok()).count();
        assert_eq!(came, MOST_WAITING / 4_096 + 1);
        (0..came).for_each(|_| backlog.take(&frame()));
        assert!(incoming.recv_timeout(Duration::from_secs(10)).is_ok(), "it goes on when there is room");
    }

    #[test]
    fn a_capture_that_dies_is_not_taken_for_one_that_ended() {
        assert!(ending(&[Frame::Tick { at_ns: 1 }]).is_partial());
        assert_eq!(ending(&[Frame::Tick { at_ns: 1 }, Frame::End { at_ns: 2 }]), Ended::Complete);
    }
}
