//! The thread that reads frames, and the pace at which it hands them on.
//!
//! The channel to the event loop has no bound. With a bound, a viewer that is slow for a moment would hold the stream, the
//! recorder at its other end would stop reading the kernel's ring buffer, and operations would be lost: a viewer must
//! never change what it watches. Memory stays small all the same: the event loop spends nearly all its time on taking in
//! frames, because it draws at most ten times a second. Only a file, which loses nothing by waiting, is held when too many
//! of its frames wait.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use grantscope_analysis::recording::Frame;

use crate::input::{FrameSource, Input};
use crate::state::Origin;
use crate::state::event::{Ended, Event};

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was recorded.
    Times(f64),
    /// As fast as it can be read.
    Max,
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse() {
            Ok(times) if times > 0.0 && f64::is_finite(times) => Ok(Self::Times(times)),
            _ => Err("give a number above 0, such as 0.5 or 10, or `max`"),
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}"),
            Self::Max => f.write_str("max"),
        }
    }
}

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

/// Starts reading. Ends with the input, or when nobody listens any more.
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
        // Nobody listens any more: then nobody wants to know.
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

/// When a frame was written, by the recording's clock; `None`: it does not say.
fn time_of(frame: &Frame) -> Option<u64> {
    match frame {
        Frame::Environment(_) => None,
        Frame::Operations(operations) => operations.iter().map(|o| o.start_ns.saturating_add(o.duration_ns)).max(),
        Frame::Loss(report) => Some(report.at_ns),
        Frame::Filtered(report) => Some(report.at_ns),
        Frame::Maps(report) => Some(report.at_ns),
        Frame::Tick { at_ns } | Frame::End { at_ns } => Some(*at_ns),
    }
}

/// When to hand on which frame. A function of the clock that it is given.
#[derive(Clone, Copy, Debug)]
struct Pace {
    speed: Speed,
    /// The first time that the recording told, and when that was handed on.
    began: Option<(u64, Instant)>,
}

impl Pace {
    fn new(speed: Speed) -> Self {
        Self { speed, began: None }
    }

    /// How long to wait with a frame of this time.
    fn wait(&mut self, at_ns: Option<u64>, now: Instant) -> Duration {
        let (Some(at_ns), Speed::Times(times)) = (at_ns, self.speed) else { return Duration::ZERO };
        let (first_ns, began) = *self.began.get_or_insert((at_ns, now));
        let seconds = at_ns.saturating_sub(first_ns) as f64 / 1e9 / times;
        // More than a Duration or an Instant holds is as good as for ever.
        let due = Duration::try_from_secs_f64(seconds).ok().and_then(|after| began.checked_add(after));
        due.map_or(Duration::MAX, |due| due.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_recording_is_played_at_its_own_pace() {
        let (mut pace, start) = (Pace::new(Speed::Times(2.0)), Instant::now());
        assert_eq!(pace.wait(Some(5_000_000_000), start), Duration::ZERO);
        assert_eq!(pace.wait(Some(9_000_000_000), start), Duration::from_secs(2));
        assert_eq!(pace.wait(Some(9_000_000_000), start + Duration::from_secs(3)), Duration::ZERO);
    }

    #[test]
    fn at_once_means_without_waiting() {
        let (mut pace, now) = (Pace::new(Speed::Max), Instant::now());
        assert_eq!(pace.wait(Some(0), now), Duration::ZERO);
        assert_eq!(pace.wait(Some(u64::MAX), now), Duration::ZERO);
    }

    #[test]
    fn a_frame_without_a_time_or_out_of_order_is_not_held() {
        let (mut pace, now) = (Pace::new(Speed::Times(1.0)), Instant::now());
        assert_eq!(pace.wait(Some(1_000), now), Duration::ZERO);
        assert_eq!(pace.wait(None, now), Duration::ZERO);
        assert_eq!(pace.wait(Some(1), now), Duration::ZERO);
    }

    fn ending(frames: &[Frame]) -> Ended {
        let (sender, source) = mpsc::channel();
        frames.iter().for_each(|frame| sender.send(frame.clone()).unwrap());
        drop(sender);
        let (events, incoming) = mpsc::channel();
        spawn(Input { origin: Origin::Live, source: Box::new(source) }, Speed::Max, events, Backlog::default());
        let Some(Event::StreamEnded(ended)) = incoming.into_iter().last() else { panic!("no end was told") };
        ended
    }

    #[test]
    fn a_capture_that_dies_is_not_taken_for_one_that_ended() {
        assert!(ending(&[Frame::Tick { at_ns: 1 }]).is_partial());
        assert_eq!(ending(&[Frame::Tick { at_ns: 1 }, Frame::End { at_ns: 2 }]), Ended::Complete);
    }

    #[test]
    fn a_speed_is_a_number_above_zero_or_max() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        for wrong in ["0", "-1", "inf", "nan", "", "fast"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }
}
