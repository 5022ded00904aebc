//! The pace at which a recording is played.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use grantscope_analysis::recording::Frame;

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// This many times as fast as it was recorded.
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

/// Slower is not played.
const SLOWEST: f64 = 0.01;
/// Faster is played at once.
const FASTEST: f64 = 64.0;

impl Speed {
    /// Half as fast.
    pub fn slower(self) -> Self {
        match self {
            Self::Times(times) => Self::Times((times / 2.0).max(times.min(SLOWEST))),
            Self::Max => Self::Times(FASTEST),
        }
    }

    /// Twice as fast.
    pub fn faster(self) -> Self {
        match self {
            Self::Times(times) if times * 2.0 <= FASTEST => Self::Times(times * 2.0),
            _ => Self::Max,
        }
    }
}

/// `2×`, `0.25×`, `max`.
impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) if *times < 0.1 => write!(f, "{times:.3}×"),
            Self::Times(times) => write!(f, "{times}×"),
            Self::Max => f.write_str("max"),
        }
    }
}

/// How a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playback {
    /// How fast.
    pub speed: Speed,
    /// It stands at this time of the recording; `None`: it goes on.
    pub held_at_ns: Option<u64>,
}

impl Playback {
    /// It goes on, as fast as this.
    pub fn at(speed: Speed) -> Self {
        Self { speed, held_at_ns: None }
    }

    /// Whether a frame of this time is not held; `None`: it says no time.
    pub fn lets_pass(&self, at_ns: Option<u64>) -> bool {
        match (at_ns, self.held_at_ns) {
            (Some(at_ns), Some(held_at_ns)) => at_ns <= held_at_ns,
            _ => true,
        }
    }
}

/// When a frame was written, by the recording's clock; `None`: it does not say.
pub fn time_of(frame: &Frame) -> Option<u64> {
    match frame {
        Frame::Environment(_) => None,
        Frame::Operations(operations) => operations.iter().map(|o| o.start_ns.saturating_add(o.duration_ns)).max(),
        Frame::Loss(report) => Some(report.at_ns),
        Frame::Filtered(report) => Some(report.at_ns),
        Frame::Recorder(report) => Some(report.at_ns),
        Frame::Maps(report) => Some(report.at_ns),
        Frame::Calibration(calibration) => Some(calibration.at_ns),
        Frame::Mark(mark) => Some(mark.at_ns()),
        Frame::Tick { at_ns } | Frame::End { at_ns } => Some(*at_ns),
    }
}

/// When to pass on which frame. A function of the clock that it is given.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    playback: Playback,
    /// A time of the recording, and when it was reached.
    reached: Option<(u64, Instant)>,
}

impl Pace {
    /// From the first frame on.
    pub fn new(playback: Playback) -> Self {
        Self { playback, reached: None }
    }

    /// Plays on in another way, from where it is.
    pub fn change(&mut self, playback: Playback, now: Instant) {
        if playback != self.playback {
            let place = self.playback.held_at_ns.or_else(|| self.place_ns(now));
            self.reached = place.map(|ns| (ns, now));
            self.playback = playback;
        }
    }

    /// How long to wait with a frame of this time; `None`: until it is played in another way.
    pub fn wait(&mut self, at_ns: Option<u64>, now: Instant) -> Option<Duration> {
        if !self.playback.lets_pass(at_ns) {
            return None;
        }
        let (Some(at_ns), None) = (at_ns, self.playback.held_at_ns) else { return Some(Duration::ZERO) };
        let Speed::Times(times) = self.playback.speed else {
            self.reached = Some((at_ns, now));
            return Some(Duration::ZERO);
        };
        let (from_ns, since) = *self.reached.get_or_insert((at_ns, now));
        let seconds = at_ns.saturating_sub(from_ns) as f64 / 1e9 / times;
        // More than a Duration or an Instant holds is as good as for ever.
        let due = Duration::try_from_secs_f64(seconds).ok().and_then(|after| since.checked_add(after));
        Some(due.map_or(Duration::MAX, |due| due.saturating_duration_since(now)))
    }

    /// Where it is in the recording.
    fn place_ns(&self, now: Instant) -> Option<u64> {
        let (from_ns, since) = self.reached?;
        let passed_ns = match self.playback.speed {
            Speed::Times(times) => (now.saturating_duration_since(since).as_secs_f64() * times * 1e9) as u64,
            Speed::Max => 0,
        };
        Some(from_ns.saturating_add(passed_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(speed: Speed) -> (Pace, Instant) {
        (Pace::new(Playback::at(speed)), Instant::now())
    }

    fn held(at_ns: u64) -> Playback {
        Playback { held_at_ns: Some(at_ns), ..Playback::at(Speed::Times(1.0)) }
    }

    #[test]
    fn a_recording_is_played_at_its_own_pace() {
        let (mut pace, start) = at(Speed::Times(2.0));
        assert_eq!(pace.wait(Some(5_000_000_000), start), Some(Duration::ZERO));
        assert_eq!(pace.wait(Some(9_000_000_000), start), Some(2 * SECOND));
        assert_eq!(pace.wait(Some(9_000_000_000), start + 3 * SECOND), Some(Duration::ZERO));
    }

    #[test]
    fn at_once_means_without_waiting() {
        let (mut pace, now) = at(Speed::Max);
        assert_eq!(pace.wait(Some(0), now), Some(Duration::ZERO));
        assert_eq!(pace.wait(Some(u64::MAX), now), Some(Duration::ZERO));
    }

    #[test]
    fn a_frame_without_a_time_or_out_of_order_is_not_held() {
        let (mut pace, now) = at(Speed::Times(1.0));
        assert_eq!(pace.wait(Some(1_000), now), Some(Duration::ZERO));
        assert_eq!(pace.wait(None, now), Some(Duration::ZERO));
        assert_eq!(pace.wait(Some(1), now), Some(Duration::ZERO));
    }

    #[test]
    fn a_pause_holds_what_comes_after_it_and_then_goes_on_from_there() {
        let (mut pace, start) = at(Speed::Times(1.0));
        pace.wait(Some(5_000_000_000), start);
        pace.change(held(6_000_000_000), start + SECOND);
        assert_eq!(pace.wait(Some(6_000_000_001), start + 100 * SECOND), None);
        assert_eq!(pace.wait(Some(6_000_000_000), start + 100 * SECOND), Some(Duration::ZERO));
        assert_eq!(pace.wait(None, start + 100 * SECOND), Some(Duration::ZERO));
        pace.change(Playback::at(Speed::Times(1.0)), start + 100 * SECOND);
        assert_eq!(pace.wait(Some(8_000_000_000), start + 100 * SECOND), Some(2 * SECOND));
    }

    #[test]
    fn another_speed_is_that_of_what_is_still_to_come() {
        let (mut pace, start) = at(Speed::Times(1.0));
        pace.wait(Some(5_000_000_000), start);
        pace.change(Playback::at(Speed::Times(2.0)), start + SECOND);
        assert_eq!(pace.wait(Some(10_000_000_000), start + SECOND), Some(2 * SECOND));
        pace.change(Playback::at(Speed::Max), start + 2 * SECOND);
        assert_eq!(pace.wait(Some(10_000_000_000), start + 2 * SECOND), Some(Duration::ZERO));
        pace.change(Playback::at(Speed::Times(1.0)), start + 3 * SECOND);
        assert_eq!(pace.wait(Some(11_000_000_000), start + 3 * SECOND), Some(SECOND));
    }

    #[test]
    fn speeds_double_to_the_fastest_and_halve_to_the_slowest() {
        let mut speed = Speed::Times(1.0);
        while speed != Speed::Max {
            speed = speed.faster();
        }
        assert_eq!((speed.slower(), speed.slower().slower()), (Speed::Times(64.0), Speed::Times(32.0)));
        (0..20).for_each(|_| speed = speed.slower());
        assert_eq!(speed, Speed::Times(SLOWEST));
        assert_eq!(Speed::Times(0.001).slower(), Speed::Times(0.001));
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
