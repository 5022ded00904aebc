//! The series that two sides have in common, and those that one lacks.

use std::collections::BTreeMap;

use grantscope_wire::Stage;

use crate::compare::pair;
use crate::runs::Run;
use crate::series::{Domain, Series, SeriesKey};

/// One series on both sides, each run apart.
pub struct Pair<'a> {
    pub key: SeriesKey,
    pub sides: [Vec<BySide<'a>>; 2],
}

impl Pair<'_> {
    /// Operations of one side.
    pub fn count(&self, side: usize) -> u64 {
        self.sides[side].iter().map(|one| one.series.count()).sum()
    }
}

/// One run's series, and its key there, which a stage's has in common.
pub struct BySide<'a> {
    run: &'a Run,
    key: SeriesKey,
    pub series: &'a Series,
}

impl<'a> BySide<'a> {
    /// That of a stage.
    pub fn stage(&self, stage: Stage) -> Option<&'a Series> {
        self.run.series.get(&SeriesKey { stage: Some(stage), ..self.key })
    }
}

/// Whole operations of both sides, domains paired as everywhere.
pub fn pairs<'a>(base: &'a [Run], head: &'a [Run]) -> Vec<Pair<'a>> {
    type Sides<'a> = [BTreeMap<Domain, Vec<BySide<'a>>>; 2];
    let mut all: BTreeMap<SeriesKey, Sides<'a>> = BTreeMap::new();
    for (place, side) in [base, head].into_iter().enumerate() {
        for run in side {
            for (&key, series) in run.series.iter().filter(|(key, series)| key.stage.is_none() && series.count() > 0) {
                let sides = all.entry(SeriesKey { domid: None, ..key }).or_default();
                sides[place].entry(Domain::of(key.domid)).or_default().push(BySide { run, key, series });
            }
        }
    }
    let each = all.into_iter().flat_map(|(key, sides)| pair(sides).into_iter().map(move |(domain, sides)| (key, domain, sides)));
    let of_domain = |key, domain| match domain {
        Domain::Exactly(domid) => SeriesKey { domid: Some(domid), ..key },
        Domain::Unknown | Domain::Any => key,
    };
    each.map(|(key, domain, sides)| Pair {
        key: of_domain(key, domain),
        sides: sides.map(|side| side.map(|(_, series)| series).unwrap_or_default()),
    })
    .collect()
}
