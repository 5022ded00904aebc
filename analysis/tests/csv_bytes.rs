//! CSV is written byte for byte as it was when its columns were lists of their own, before the table of columns. Columns that came
//! later are left out of the comparison: a new one needs no change here.

use grantscope_analysis::recording::Reader;
use grantscope_analysis::report::export::{self, csv::csv};
use grantscope_analysis::series::Aggregate;

fn exported(recording: &[u8]) -> Vec<u8> {
    let mut reader = Reader::open(recording).expect("a recording");
    let mut aggregate = Aggregate::default();
    while let Some(frame) = reader.next_frame().expect("nothing of it is damaged") {
        aggregate.add(&frame);
    }
    let mut bytes = Vec::new();
    csv(&aggregate, export::Audience::Program, &mut bytes).expect("a Vec takes everything");
    without_later_columns(&bytes)
}

/// The columns of then, in their order.
const COLUMNS: &str = "run kernel xen arch page_size clock op buffer pages outcome started_by cause statuses caller stage count lost \
                       filter min_ns p50_ns p90_ns p99_ns p999_ns max_ns mean_ns sum_ns hdr";

fn without_later_columns(bytes: &[u8]) -> Vec<u8> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut kept = None;
    for row in reader.records() {
        let row = row.expect("a CSV");
        let kept: &Vec<usize> =
            kept.get_or_insert_with(|| (0..row.len()).filter(|&at| COLUMNS.split(' ').any(|name| name == &row[at])).collect());
        writer.write_record(kept.iter().map(|&at| &row[at])).expect("a Vec takes everything");
    }
    writer.into_inner().expect("a Vec takes everything")
}

#[test]
fn the_bytes_are_those_of_before() {
    let sweep = exported(include_bytes!("fixtures/version-1-sweep.gsr"));
    assert_eq!((sweep.len(), crc32fast::hash(&sweep)), (129_387, 0x2358_4da8));
    // Every key column, every cause, unknown values. Since then, numbers above 2^53 are exact: one row here has such.
    let every_column = exported(include_bytes!("fixtures/version-3.gsr"));
    assert_eq!((every_column.len(), crc32fast::hash(&every_column)), (142_596, 0x5ad0_cfb3));
}
