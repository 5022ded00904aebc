//! A truth file, and `judge` with it.

use std::sync::OnceLock;

use grantscope_analysis::error_chain;
use grantscope_analysis::model::Operation;
use grantscope_analysis::recording::{Frame, Reader};
use grantscope_analysis::series::Aggregate;
use grantscope_analysis::shown::Shown;
use grantscope_analysis::verify::{Truth, judge};

use super::shown::assert_shown;

pub fn run(input: &[u8]) -> String {
    // The file is read as text.
    let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
    let truth = match Truth::parse(text) {
        Ok(truth) => truth,
        Err(error) => {
            let error = Shown(&error_chain(&error)).to_string();
            assert_shown("an error", &error);
            return error;
        }
    };
    static RECORDED: OnceLock<(Aggregate, Vec<Operation>)> = OnceLock::new();
    let (aggregate, operations) = RECORDED.get_or_init(recorded);
    let truth = Truth::of_all([truth.clone(), truth]).expect("there are two");
    let judgement = judge(aggregate, operations, &truth);
    judgement.differences.iter().for_each(|difference| assert_shown("a difference", &difference.to_string()));
    format!("{} series, {} operations, {} differences", judgement.series, truth.operation_count(), judgement.differences.len())
}

/// A recording to compare with.
fn recorded() -> (Aggregate, Vec<Operation>) {
    let bytes = include_bytes!("../../../analysis/tests/fixtures/version-4.gsr");
    let (mut aggregate, mut operations) = (Aggregate::raw(), Vec::new());
    let mut reader = Reader::open(&bytes[..]).expect("it is a recording");
    while let Some(frame) = reader.next_frame().expect("it is whole") {
        aggregate.add(&frame);
        if let Frame::Operations(more) = frame {
            operations.extend(more);
        }
    }
    (aggregate, operations)
}
