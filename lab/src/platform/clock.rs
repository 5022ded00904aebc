//! The two clocks that a run can have, as the command line takes them and as QEMU does.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

pub use grantscope_analysis::model::Clock;

/// Each with its help.
const ALL: [(Clock, &str); 2] = [
    (Clock::Wall, "The host's time, two processors. Varies by tens of percent from run to run"),
    (
        Clock::Counted,
        "Instructions counted under emulation, two nanoseconds each, one processor. Repeats, and is not time on silicon",
    ),
];

/// Takes a clock's name on the command line; its help lists both.
pub fn parser() -> impl TypedValueParser<Value = Clock> {
    let names = ALL.map(|(clock, help)| PossibleValue::new(clock.name()).help(help));
    PossibleValuesParser::new(names).try_map(|name| {
        let known = ALL.iter().find(|(clock, _)| clock.name() == name);
        known.map(|(clock, _)| *clock).ok_or_else(|| format!("there is no clock {name}"))
    })
}

/// QEMU's options for a clock.
pub fn qemu_options(clock: Clock) -> &'static [&'static str] {
    match clock {
        Clock::Wall => &["-smp", "2"],
        // shift=1: 2^1 ns of guest time per instruction. sleep=off: an idle guest's time jumps to its next timer.
        Clock::Counted => &["-smp", "1", "-icount", "shift=1,sleep=off"],
    }
}
