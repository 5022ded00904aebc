//! What is said of a comparison.

/// What is said of one quantile of one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Longer, by more than the limit.
    Regressed,
    /// Not known.
    Inconclusive,
    /// Shorter, by more than the limit.
    Improved,
    /// Neither longer nor shorter by more than the limit.
    Equivalent,
}

impl Verdict {
    /// All, the worst first.
    pub const ALL: [Self; 4] = [Self::Regressed, Self::Inconclusive, Self::Improved, Self::Equivalent];

    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regressed => "regressed",
            Self::Inconclusive => "inconclusive",
            Self::Improved => "improved",
            Self::Equivalent => "equivalent",
        }
    }

    /// Of the same two sides the other way round.
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Regressed => Self::Improved,
            Self::Improved => Self::Regressed,
            same => same,
        }
    }
}
