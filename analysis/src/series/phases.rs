//! Which phases of a benchmark are added up, and what is left out with the others.

use super::{MostSeries, Times};
use crate::model::{Operation, Phase};

/// Which operations are wanted. Those of threads that say no phase always are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phases {
    /// Those of every phase.
    #[default]
    All,
    /// Those of this phase.
    Only(Phase),
}

impl Phases {
    /// All choices.
    pub const ALL: &'static [Self] =
        &[Self::All, Self::Only(Phase::Measured), Self::Only(Phase::WarmUp), Self::Only(Phase::SetUp)];

    /// The choice in a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Only(phase) => phase.name(),
        }
    }

    /// What it means.
    pub const fn about(self) -> &'static str {
        match self {
            Self::All => "every operation",
            Self::Only(Phase::Measured) => "what the benchmark measures",
            Self::Only(Phase::WarmUp) => "its first iterations",
            Self::Only(Phase::SetUp) => "its preparations, and its cleaning up",
        }
    }

    /// Whether an operation of this phase is wanted.
    pub fn include(self, phase: Option<Phase>) -> bool {
        match (self, phase) {
            (Self::All, _) | (_, None) => true,
            (Self::Only(wanted), Some(phase)) => wanted == phase,
        }
    }
}

/// What is wanted of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Which times.
    pub times: Times,
    /// Of which operations.
    pub phases: Phases,
    /// Told apart in how many series.
    pub most_series: MostSeries,
}

/// Of all operations.
impl From<Times> for Wanted {
    fn from(times: Times) -> Self {
        Self { times, ..Self::default() }
    }
}

/// Operations that are not added up, because of their phase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many, by phase, in the order of [`Phase::ALL`].
    counts: [u64; Phase::ALL.len()],
    /// How many of them failed.
    pub failed: u64,
}

impl LeftOut {
    /// Counts one.
    pub fn count(&mut self, operation: &Operation, phase: Phase) {
        self.counts[phase as usize] += 1;
        self.failed += u64::from(operation.is_failure());
    }

    /// How many, by phase; only phases that have any.
    pub fn by_phase(&self) -> impl Iterator<Item = (Phase, u64)> {
        Phase::ALL.iter().map(|&phase| (phase, self.counts[phase as usize])).filter(|&(_, count)| count > 0)
    }

    /// All together.
    pub fn all(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::export;
    use crate::model::Outcome;
    use crate::recording::Frame;
    use crate::series::Aggregate;
    use grantscope_wire::Buffer;

    /// Five operations: one of no phase, one of set-up that failed, one of warm-up, two measured.
    fn read(phases: Phases) -> Aggregate {
        let mut aggregate = Aggregate::of(Wanted { phases, ..Wanted::default() });
        let of = |phase| Operation { phase, ..export(Buffer::Wc, 10) };
        let failed = Operation { outcome: Outcome::Errno(12), ..of(Some(Phase::SetUp)) };
        let measured = of(Some(Phase::Measured));
        aggregate.add(&Frame::Operations(vec![of(None), failed, of(Some(Phase::WarmUp)), measured.clone(), measured]));
        aggregate
    }

    #[test]
    fn only_the_wanted_phase_and_what_has_none_is_added_up() {
        let operations = Phases::ALL.iter().map(|&phases| read(phases).operations());
        assert_eq!(operations.collect::<Vec<_>>(), [5, 3, 2, 2]);
    }

    #[test]
    fn what_is_left_out_is_counted_and_so_are_its_failures() {
        let measured = read(Phases::Only(Phase::Measured));
        let left_out = measured.left_out().unwrap();
        assert_eq!(left_out.by_phase().collect::<Vec<_>>(), [(Phase::SetUp, 1), (Phase::WarmUp, 1)]);
        assert_eq!((left_out.all(), left_out.failed), (2, 1));
        assert_eq!(read(Phases::All).left_out(), Some(&LeftOut::default()));
        assert_eq!(Aggregate::default().left_out(), None);
    }

    #[test]
    fn the_counts_have_a_place_for_every_phase() {
        assert!(Phase::ALL.iter().enumerate().all(|(place, &phase)| phase as usize == place));
    }
}
