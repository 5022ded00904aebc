//! The two clocks that a lab run can have.

/// What time means inside the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Clock {
    /// The host's time, two processors. Varies by tens of percent from run to run.
    Wall,
    /// Instructions counted under emulation, two nanoseconds each, one processor. Repeats, and is not time on silicon.
    Counted,
}

impl Clock {
    /// The name in recordings, exports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Counted => "counted",
        }
    }

    /// QEMU's options for this clock.
    pub fn qemu_options(self) -> &'static [&'static str] {
        match self {
            Self::Wall => &["-smp", "2"],
            // shift=1: 2^1 ns of guest time per instruction. sleep=off: an idle guest's time jumps to its next timer.
            Self::Counted => &["-smp", "1", "-icount", "shift=1,sleep=off"],
        }
    }
}
