//! The clocks that a recording can have.

use std::str::FromStr;

/// The clock that gave the nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The machine's monotonic clock.
    #[default]
    Wall,
    /// Instructions counted by an emulator, 2 ns each: ratios mean something, absolute times do not.
    Counted,
}

impl Clock {
    /// All, in the order of the help texts.
    pub const ALL: &[Self] = &[Self::Wall, Self::Counted];

    /// The name in files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Counted => "counted",
        }
    }

    /// What it counts, for the help text of an option.
    pub fn about(self) -> &'static str {
        match self {
            Self::Wall => "Time, as on all real machines",
            Self::Counted => "Instructions counted by an emulator (2 ns each): ratios mean something, absolute times do not",
        }
    }

    /// What a reader has to know about its numbers; `None`: nothing.
    pub fn caveat(self) -> Option<&'static str> {
        match self {
            Self::Wall => None,
            Self::Counted => Some("counted instructions under emulation (2 ns each), not time on silicon"),
        }
    }
}

/// A name that no clock has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a clock: give {names}", names = names())]
pub struct UnknownClock(String);

fn names() -> String {
    Clock::ALL.iter().map(|clock| clock.name()).collect::<Vec<_>>().join(" or ")
}

impl FromStr for Clock {
    type Err = UnknownClock;

    fn from_str(name: &str) -> Result<Self, UnknownClock> {
        let clock = Self::ALL.iter().find(|clock| clock.name() == name);
        clock.copied().ok_or_else(|| UnknownClock(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_found_by_its_name_and_another_name_is_refused_with_those_there_are() {
        for &clock in Clock::ALL {
            assert_eq!(clock.name().parse(), Ok(clock));
        }
        let refused = "lunar".parse::<Clock>().unwrap_err();
        assert_eq!(refused.to_string(), "\"lunar\" is not a clock: give wall or counted");
    }
}
