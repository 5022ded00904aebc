//! Calls of somebody who has nothing to do with grants, and passes what is hooked all the same.

use std::path::Path;

use anyhow::{Context, Result};

use super::{
    programs::Programs,
    row::{self, Row},
};
use crate::{boot::run::Outcome, checks::recorded::truth, commands::bench::medians::Median};

/// How many calls of each kind are timed.
pub const CALLS: u32 = 200;

/// One kind of call: its name in lab/guest/stranger.c, and in the table.
struct Kind {
    name: &'static str,
    heading: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind { name: "munmap", heading: "munmap of memory" },
    Kind { name: "export", heading: "buffer of a DMA heap" },
    Kind { name: "lock_wait", heading: "wait for a mutex" },
    Kind { name: "msleep", heading: "mount that sleeps" },
];

/// Their names.
pub fn names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

/// As Markdown.
pub fn table(rows: &[Row]) -> String {
    row::table("µs added to others' calls", &KINDS.map(|kind| kind.heading), &["program runs of each"], rows)
}

/// A row without a name, from a boot's files.
///
/// # Errors
/// When a call was not timed.
pub fn row(out: &Path, outcome: &Outcome) -> Result<Row> {
    let medians = |run: &str| medians(&out.join(format!("stranger-{run}.json")));
    let names: Vec<_> = ["calls", "again"].into_iter().chain(names()).collect();
    let so_far = names.iter().map(|name| Ok(Programs::read(&outcome.required(&format!("programs-{name}"))?).runs()));
    let runs = runs_of_each(&so_far.collect::<Result<Vec<_>>>()?);
    Ok(Row::new(String::new(), [medians("before")?, medians("with")?, medians("after")?], vec![runs]))
}

/// Runs of programs so far: before the first kind twice, because reading them runs some too, and behind each kind.
fn runs_of_each(so_far: &[u64]) -> String {
    let runs: Vec<_> = so_far.windows(2).map(|runs| runs[1] - runs[0]).collect();
    let Some((reading, kinds)) = runs.split_first() else { return String::new() };
    let each = kinds.iter().map(|runs| format!("{:.1}", (*runs as f64 - *reading as f64) / f64::from(CALLS)));
    each.collect::<Vec<_>>().join(", ")
}

/// In µs, in the order of the kinds.
fn medians(path: &Path) -> Result<Vec<f64>> {
    let truth = truth(path)?;
    let median = |kind: &Kind| {
        let calls = truth.calls.iter().filter(|call| call.op == kind.name).map(|call| call.duration_ns);
        let median = Median::of(calls.collect()).with_context(|| format!("no {} of a stranger was timed", kind.name))?;
        Ok(median.ns as f64 / 1000.0)
    };
    KINDS.iter().map(median).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_a_kind_are_without_those_of_reading_their_number() {
        assert_eq!(runs_of_each(&[100, 110, 520, 530]), "2.0, 0.0");
    }
}
