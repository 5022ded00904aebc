//! Phases of a benchmark: what is measured, and what comes before.

/// The part of a benchmark that a thread is in, as the benchmark itself says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Preparing and cleaning up.
    SetUp,
    /// First iterations, which pay for what later ones find ready.
    WarmUp,
    /// What the benchmark is about.
    Measured,
}

impl Phase {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::SetUp, Self::WarmUp, Self::Measured];

    /// What a mark calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SetUp => "set-up",
            Self::WarmUp => "warm-up",
            Self::Measured => "measured",
        }
    }
}
