//! Why operations failed: by cause, with the statuses of the references that Xen refused.

use std::collections::BTreeMap;

use grantscope_wire::Cause;

use super::{Aggregate, SeriesKey};
use crate::model::Statuses;

/// Operations that failed for one cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// Operations.
    pub count: u64,
    /// References in them that Xen refused.
    pub statuses: Statuses,
}

/// Operations of these series by cause, and by what `of` gives for each series. Series without a cause are left out.
pub fn failures<'a, T: Ord>(
    aggregate: &Aggregate,
    keys: impl IntoIterator<Item = &'a SeriesKey>,
    of: impl Fn(&SeriesKey) -> T,
) -> BTreeMap<(T, Cause), Failures> {
    let mut all: BTreeMap<(T, Cause), Failures> = BTreeMap::new();
    for key in keys {
        let (Some(cause), Some(series)) = (key.cause, aggregate.get(key)) else { continue };
        let failures = all.entry((of(key), cause)).or_default();
        failures.count += series.count();
        for (&status, references) in aggregate.statuses(key) {
            *failures.statuses.entry(status).or_default() += references;
        }
    }
    all
}
