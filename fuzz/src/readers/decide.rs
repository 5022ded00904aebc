//! What `compare` reads: a results.csv, and a file of limits; and what it says of them.

use std::slice;

use grantscope_analysis::decide::{LimitsFile, Rule, compare, compare_groups};
use grantscope_analysis::error_chain;
use grantscope_analysis::report::decide::{Decision, FORMATS};
use grantscope_analysis::runs::{By, Run, csv};
use grantscope_analysis::shown::Shown;

use super::shown::assert_shown;

/// A results.csv: one half of its runs compared with the other.
pub fn results(input: &[u8]) -> String {
    match csv::read(input) {
        Ok(runs) => decided(&runs, &[Rule::default_one()]),
        Err(error) => refused(&error_chain(&error)),
    }
}

/// A file of limits, for the runs of one results.csv.
pub fn limits(input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
    match LimitsFile::parse(text) {
        Ok(file) => {
            let runs = csv::read(&include_bytes!("../../corpus/results/two-runs.csv")[..]).expect("it is a results.csv");
            decided(&runs, &file.rules)
        }
        Err(error) => refused(&error),
    }
}

fn decided(runs: &[Run], rules: &[Rule]) -> String {
    let (base, head) = runs.split_at(runs.len() / 2);
    let comparison = compare(["base", "head"].map(str::to_owned), base, head, rules, 0.01);
    // Each run a group, whatever tells it from others.
    let by: Vec<_> = By::all(runs).into_iter().collect();
    let groups = compare_groups(&by, [base, head].map(<[Run]>::to_vec), rules, 0.01);
    for comparisons in [slice::from_ref(&comparison), &groups] {
        let decision = |comparison| Decision { comparison, allowed: &[], outcome: comparison.outcome(&[], false) };
        let decisions: Vec<_> = comparisons.iter().map(decision).collect();
        for format in FORMATS {
            assert_shown(format.name, &(format.write)(&decisions));
        }
    }
    let outcome = comparison.outcome(&[], false);
    format!("{} rows, {} remarks, {}", comparison.rows.len(), comparison.remarks.len(), outcome.name())
}

fn refused(error: &str) -> String {
    let error = Shown(error).to_string();
    assert_shown("an error", &error);
    error
}
