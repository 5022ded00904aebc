//! A recording, and what `summary`, `export`, `maps` and `judge` make of it.

use std::sync::OnceLock;
use std::time::Duration;

use grantscope_analysis::error_chain;
use grantscope_analysis::live::Ledger;
use grantscope_analysis::model::Operation;
use grantscope_analysis::recording::{Frame, ReadError, Reader};
use grantscope_analysis::report::export::{Audience, CSV, maps::json};
use grantscope_analysis::report::text::{compare, maps, summary};
use grantscope_analysis::series::{Aggregate, MostSeries, Phases, Times, Wanted};
use grantscope_analysis::shown;
use grantscope_analysis::verify::{Truth, judge};

use super::shown::assert_shown;

/// After this a map looks like a leak.
const LEAK_AFTER: Duration = Duration::from_secs(2);

/// As `--max-series 20 --raw --phase all`.
const FEW: Wanted = Wanted { times: Times::Raw, phases: Phases::All, most_series: MostSeries(20) };

pub fn run(input: &[u8]) -> String {
    let (mut all, mut few) = (Aggregate::default(), Aggregate::of(FEW));
    let mut operations = Vec::new();
    let ended = read(input, |frame| {
        all.add(frame);
        few.add(frame);
        if let Frame::Operations(more) = frame {
            operations.extend_from_slice(more);
        }
    });
    let ended = ended.err().map(|error| error_chain(&error)).unwrap_or_default();
    assert_shown("an error", &ended);
    shown_in_every_way(&all, Audience::Program);
    shown_in_every_way(&few, Audience::Spreadsheet);
    judged(&few, &operations);
    format!("{} series, {ended}", all.series().count())
}

fn read(input: &[u8], mut each: impl FnMut(&Frame)) -> Result<(), ReadError> {
    let mut reader = Reader::open(input)?;
    while let Some(frame) = reader.next_frame()? {
        each(&frame);
    }
    reader.nothing_more()
}

fn shown_in_every_way(aggregate: &Aggregate, audience: Audience) {
    assert_shown("a summary", &summary::table(aggregate, 80));
    assert_shown("a comparison", &compare::table(aggregate, 40));
    let mut table = Vec::new();
    if let Err(error) = (CSV.write)(aggregate, audience, &mut table) {
        assert_shown("an error", &error_chain(&error));
    }
    assert_shown("a CSV", std::str::from_utf8(&table).expect("a CSV is text"));
    let now_ns = aggregate.span_ns().map_or(0, |(_, last)| last);
    let page_size = aggregate.environment().map_or(0, |environment| environment.page_size);
    ledger_is_shown(aggregate.ledger(), now_ns, page_size);
}

fn ledger_is_shown(ledger: &Ledger, now_ns: u64, page_size: u32) {
    assert_shown("a list of maps", &maps::table(ledger, now_ns, page_size, LEAK_AFTER));
    assert_shown("JSON", &shown::json(&json(ledger, now_ns, page_size, LEAK_AFTER)).expect("it is JSON"));
}

fn judged(aggregate: &Aggregate, operations: &[Operation]) {
    static TRUTH: OnceLock<Truth> = OnceLock::new();
    let truth = TRUTH.get_or_init(|| {
        let text = include_str!("../../corpus/truth/causes.json");
        Truth::parse(text).expect("it is one of the corpus")
    });
    for difference in judge(aggregate, operations, truth).differences {
        assert_shown("a difference", &difference.to_string());
    }
}
