//! What `merge` reads: a results.csv. Its runs are put together twice, and what comes out is read again.

use grantscope_analysis::error_chain;
use grantscope_analysis::merge::Merged;
use grantscope_analysis::report::export;
use grantscope_analysis::runs::csv::table;
use grantscope_analysis::shown::Shown;

use super::shown::assert_shown;

/// A results.csv.
pub fn run(input: &[u8]) -> String {
    let once = match table(input) {
        Ok(once) => once,
        Err(error) => {
            let error = Shown(&error_chain(&error)).to_string();
            assert_shown("an error", &error);
            return error;
        }
    };
    let mut merged = Merged::default();
    for listed in once.runs.iter().chain(&once.runs) {
        if let Err(error) = merged.add(listed.clone()) {
            let error = error.to_string();
            assert_shown("an error", &error);
            return error;
        }
    }
    let mut bytes = Vec::new();
    export::merged(&merged, &mut bytes).expect("a Vec takes everything");
    let again = table(&bytes[..]).unwrap_or_else(|error| panic!("what was merged is not read again: {error}"));
    assert_eq!(again.runs.len(), once.runs.len(), "a run is lost");
    format!("{} runs, {} columns passed over", once.runs.len(), once.passed_over.len())
}
