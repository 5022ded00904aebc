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

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(times) => write!(f, "{times}"),
            Self::Max => f.write_str("max"),
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
        Frame::Tick { at_ns } | Frame::End { at_ns } => Some(*at_ns),
    }
}

/// When to pass on which frame. A function of the clock that it is given.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    speed: Speed,
    /// The first time in the recording, and when its frame was passed on.
    began: Option<(u64, Instant)>,
}

impl Pace {
    /// From the first frame on.
    pub fn new(speed: Speed) -> Self {
        Self { speed, began: None }
    }

    /// How long to wait with a frame of this time.
    pub fn wait(&mut self, at_ns: Option<u64>, now: Instant) -> Duration {
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

    #[test]
    fn a_speed_is_a_number_above_zero_or_max() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("0.5".parse(), Ok(Speed::Times(0.5)));
        for wrong in ["0", "-1", "inf", "nan", "", "fast"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }
}
