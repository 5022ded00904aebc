//! Many runs in one table: those of one name and the same circumstances and tags add up, histograms bucket by bucket; others stay apart.
//! The result does not depend on the order in which they come.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::quality::FixedState;
use thiserror::Error;

use crate::runs::csv::{Circumstances, Listed, MOST_BUCKETS, OF_RUN, say_times};
use crate::runs::{Fact, Run};
use crate::series::Extent;
use crate::shown::Shown;

/// Why runs do not become one table.
#[derive(Debug, Error)]
pub enum MergeError {
    /// They were not recorded alike, and no column would say so.
    #[error(
        "{}: is there with {} `{}` and with `{}`, which do not add up; merge one of them alone first, with a --tag that tells it apart",
        Shown(.run), .fact.name(), Shown(.one), Shown(.other)
    )]
    Differ {
        /// The run's name.
        run: String,
        /// In what.
        fact: Fact,
        /// What it says in one place.
        one: String,
        /// What it says in the other.
        other: String,
    },

    /// It has another tag of that name.
    #[error("{}: is tagged {}={} already; leave that tag out, or give it another name", Shown(.run), Shown(.name), Shown(.value))]
    Tagged {
        /// The run's name.
        run: String,
        /// The tag's.
        name: String,
        /// Its value.
        value: String,
    },

    /// More than anybody has.
    #[error("all runs together have more than {MOST_BUCKETS} buckets in their histograms; merge fewer of them")]
    TooMuch,
}

/// All runs so far.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    runs: BTreeMap<Circumstances, Listed>,
    occupied: usize,
}

impl Merged {
    /// Takes in one more.
    ///
    /// # Errors
    /// It does not add up with what is there.
    pub fn add(&mut self, listed: Listed) -> Result<(), MergeError> {
        let Some(known) = self.runs.get_mut(&listed.circumstances) else {
            self.occupied += occupied(&listed.run);
            self.runs.insert(listed.circumstances.clone(), listed);
            return self.fits();
        };
        are_alike(&known.run, &listed.run)?;
        self.occupied -= occupied(&known.run);
        add_up(known, listed);
        self.occupied += occupied(&known.run);
        self.fits()
    }

    /// All of them, in a fixed order.
    pub fn runs(&self) -> impl Iterator<Item = &Listed> {
        self.runs.values()
    }

    fn fits(&self) -> Result<(), MergeError> {
        if self.occupied > MOST_BUCKETS { Err(MergeError::TooMuch) } else { Ok(()) }
    }
}

/// Gives a run tags, by name.
///
/// # Errors
/// It has others of these names.
pub fn tag(listed: &mut Listed, tags: &BTreeMap<String, String>) -> Result<(), MergeError> {
    for (name, value) in tags {
        let known = listed.circumstances.tags.insert(name.clone(), value.clone());
        if let Some(other) = known.filter(|known| known != value) {
            return Err(MergeError::Tagged { run: listed.run.name.clone(), name: name.clone(), value: other });
        }
    }
    listed.run.tags.clone_from(&listed.circumstances.tags);
    Ok(())
}

/// The same for the same operations, whatever their run is called: so that it is noticed where a recording comes twice.
pub fn fingerprint(runs: &[Listed]) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    for (key, series) in runs.iter().flat_map(|listed| &listed.run.series) {
        (key, series.count(), series.sum_ns(), series.min_ns(), series.max_ns()).hash(&mut hasher);
    }
    hasher.finish()
}

/// What no column tells apart is the same: whether times are corrected, how much was watched, and by which means.
fn are_alike(known: &Run, more: &Run) -> Result<(), MergeError> {
    let is_raw = |times: &str| times == Extent::Nothing.name();
    for (&fact, value) in &more.facts.0 {
        let Some(other) = known.facts.0.get(&fact) else { continue };
        let add_up = if fact == Fact::Times { is_raw(value) == is_raw(other) } else { value == other };
        if !add_up {
            let [one, other] = [value.min(other), value.max(other)].map(String::clone);
            return Err(MergeError::Differ { run: known.name.clone(), fact, one, other });
        }
    }
    Ok(())
}

fn add_up(known: &mut Listed, more: Listed) {
    for (key, series) in more.run.series {
        known.run.series.entry(key).and_modify(|known| known.merge(&series)).or_insert(series);
    }
    for (op, lost) in more.lost {
        // Where one does not know it, nobody knows the sum.
        known.lost.entry(op).and_modify(|known| *known = sum(*known, lost, u64::saturating_add)).or_insert(lost);
    }
    for ((known, more), (_, of_both)) in known.numbers.iter_mut().zip(more.numbers).zip(OF_RUN) {
        *known = sum(*known, more, of_both);
    }
    for (key, statuses) in more.statuses {
        let known = known.statuses.entry(key).or_default();
        for (status, references) in statuses {
            let known = known.entry(status).or_default();
            *known = known.saturating_add(references);
        }
    }
    for (key, dma) in more.dma {
        known.dma.entry(key).and_modify(|sums| *sums = sums.and(dma)).or_insert(dma);
    }
    known.run.facts.0.extend(more.run.facts.0);
    say_times(&mut known.run);
}

fn sum(known: Option<u64>, more: Option<u64>, of_both: fn(u64, u64) -> u64) -> Option<u64> {
    Some(of_both(known?, more?))
}

fn occupied(run: &Run) -> usize {
    run.series.values().map(|series| series.buckets().occupied()).sum()
}
