//! Medians of timed calls, by operation, buffer and pages.

use std::{collections::BTreeMap, fmt, path::Path};

use anyhow::{Context, Result};
use grantscope_analysis::verify::{Call, Truth};

use crate::checks::recorded::truth;

/// What the calls of a median have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The operation, by its name.
    pub op: String,
    /// The buffer, by its name; `None`: there is none.
    pub buffer: Option<String>,
    /// Grant references; `None`: there is no buffer.
    pub pages: Option<u32>,
}

impl Series {
    /// That of a call.
    pub fn of(call: &Call) -> Self {
        Self { op: call.op.clone(), buffer: call.buffer.clone(), pages: call.pages }
    }

    /// Of an operation on a buffer.
    pub fn new(op: &str, buffer: &str, pages: u32) -> Self {
        Self { op: op.to_owned(), buffer: Some(buffer.to_owned()), pages: Some(pages) }
    }
}

/// As in a row of a table.
impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.buffer, self.pages) {
            (Some(buffer), Some(pages)) => write!(f, "{} {buffer} {pages}", self.op),
            _ => f.write_str(&self.op),
        }
    }
}

/// A median, and how many durations it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Median {
    /// In ns.
    pub ns: u64,
    /// Durations.
    pub count: u64,
}

impl Median {
    /// The smallest duration that at least half of them do not exceed; `None`: there are none.
    pub fn of(mut durations: Vec<u64>) -> Option<Self> {
        durations.sort_unstable();
        let last = durations.len().checked_sub(1)?;
        Some(Self { ns: durations[last / 2], count: durations.len() as u64 })
    }
}

/// Medians of successful calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Medians(pub BTreeMap<Series, Median>);

impl Medians {
    /// By their series.
    pub fn of(durations: impl IntoIterator<Item = (Series, u64)>) -> Self {
        let mut all: BTreeMap<Series, Vec<u64>> = BTreeMap::new();
        for (series, ns) in durations {
            all.entry(series).or_default().push(ns);
        }
        Self(all.into_iter().filter_map(|(series, ns)| Some((series, Median::of(ns)?))).collect())
    }

    /// Of a truth's calls that succeeded.
    pub fn of_calls(truth: &Truth) -> Self {
        let calls = truth.calls.iter().filter(|call| call.outcome == "ok");
        Self::of(calls.map(|call| (Series::of(call), call.duration_ns)))
    }

    /// Of a truth file's calls that succeeded.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self::of_calls(&truth(path)?))
    }

    /// One, in µs.
    ///
    /// # Errors
    /// When no such call was timed.
    pub fn us(&self, op: &str, buffer: &str, pages: u32) -> Result<f64> {
        let series = Series::new(op, buffer, pages);
        let median = self.0.get(&series).with_context(|| format!("no call was timed of {series}"))?;
        Ok(median.ns as f64 / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_one_of_the_durations_and_there_is_none_of_nothing() {
        let median = |ns: &[u64]| Median::of(ns.to_vec()).map(|median| (median.ns, median.count));
        assert_eq!(median(&[9, 1, 5]), Some((5, 3)));
        assert_eq!(median(&[9, 1, 5, 7]), Some((5, 4)));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn durations_are_told_apart_by_operation_buffer_and_pages() {
        let medians = Medians::of([
            (Series::new("map", "pages", 1), 2000),
            (Series::new("map", "pages", 16), 3000),
            (Series::new("map", "wc", 1), 4000),
        ]);
        assert_eq!(medians.us("map", "pages", 16).unwrap(), 3.0);
        assert_eq!(medians.us("map", "pages", 2).unwrap_err().to_string(), "no call was timed of map pages 2");
    }
}
