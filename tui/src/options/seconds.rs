//! A time that is given in seconds.

use std::str::FromStr;
use std::time::Duration;

/// A number of seconds, not necessarily whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds(pub Duration);

impl FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.map(Self).ok_or("give a number of seconds, such as 0.5 or 10")
    }
}
