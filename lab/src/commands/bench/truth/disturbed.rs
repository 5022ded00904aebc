//! What recording adds to the means of calls, beside what it adds to their medians: on one processor the recorder's own work delays calls,
//! here and there, and is in the means alone.

use std::collections::BTreeMap;

use grantscope_analysis::verify::Truth;

use super::super::medians::{Median, Series};

/// Added to one call of each series, in µs: by page count, the sums of medians and of means.
pub type Added = BTreeMap<u32, (f64, f64)>;

/// What is added between two times that the same calls were made.
pub fn added(before: &Truth, with: &Truth) -> Added {
    let (before, with) = (durations(before), durations(with));
    let mut added = Added::new();
    for (series, alone) in before {
        let (Some(pages), Some(recorded)) = (series.pages, with.get(&series)) else { continue };
        let Some(((median, mean), (median_with, mean_with))) = averages(&alone).zip(averages(recorded)) else { continue };
        let sums = added.entry(pages).or_default();
        sums.0 += median_with - median;
        sums.1 += mean_with - mean;
    }
    added
}

fn durations(truth: &Truth) -> BTreeMap<Series, Vec<u64>> {
    let mut all: BTreeMap<Series, Vec<u64>> = BTreeMap::new();
    for call in truth.calls.iter().filter(|call| call.outcome == "ok" && call.phase == "run") {
        all.entry(Series::of(call)).or_default().push(call.duration_ns);
    }
    all
}

/// The median and the mean, in µs; `None`: of nothing.
fn averages(durations: &[u64]) -> Option<(f64, f64)> {
    let median = Median::of(durations.to_vec())?;
    Some((median.ns as f64 / 1e3, durations.iter().sum::<u64>() as f64 / durations.len() as f64 / 1e3))
}

/// In a line.
pub fn line(added: &Added) -> String {
    let each = added.iter().map(|(pages, (median, mean))| {
        format!(
            "{pages} pages {median:.1} µs by their medians and {mean:.1} by their means ({:+.1} %)",
            (mean / median - 1.0) * 100.0
        )
    });
    format!("Added to one call of each kind together: of {}.", each.collect::<Vec<_>>().join(", of "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_in_the_mean_and_not_in_the_median() {
        let truth = |durations: [u64; 3]| {
            let calls: Vec<_> = durations.iter().map(|ns| format!(r#"["map","pages",1,"ok","run",7,0,{ns}]"#)).collect();
            let head = r#"{"format":"grantscope-truth","version":1,"ending":{"how":"complete"}"#;
            let columns = r#"["op","buffer","pages","outcome","phase","tid","start_ns","duration_ns"]"#;
            Truth::parse(&format!(r#"{head},"columns":{columns},"calls":[{}]}}"#, calls.join(","))).unwrap()
        };
        let added = added(&truth([1_000, 1_000, 1_000]), &truth([11_000, 11_000, 14_000]));
        assert_eq!(added, Added::from([(1, (10.0, 11.0))]));
        let expected =
            "Added to one call of each kind together: of 1 pages 10.0 µs by their medians and 11.0 by their means (+10.0 %).";
        assert_eq!(line(&added), expected);
    }
}
