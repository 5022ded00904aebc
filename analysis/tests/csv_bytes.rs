//! CSV is written byte for byte as it was when its columns were lists of their own, before the table of columns.

use grantscope_analysis::recording::Reader;
use grantscope_analysis::report::export::csv::csv;
use grantscope_analysis::series::Aggregate;

fn exported(recording: &[u8]) -> Vec<u8> {
    let mut reader = Reader::open(recording).expect("a recording");
    let mut aggregate = Aggregate::default();
    while let Some(frame) = reader.next_frame().expect("nothing of it is damaged") {
        aggregate.add(&frame);
    }
    let mut bytes = Vec::new();
    csv(&aggregate, &mut bytes).expect("a Vec takes everything");
    bytes
}

#[test]
fn the_bytes_are_those_of_before() {
    let sweep = exported(include_bytes!("fixtures/version-1-sweep.gsr"));
    assert_eq!((sweep.len(), crc32fast::hash(&sweep)), (129_387, 0x2358_4da8));
    // Every key column, every cause, unknown values. Since then, numbers above 2^53 are exact: one row here has such.
    let every_column = exported(include_bytes!("fixtures/version-3.gsr"));
    assert_eq!((every_column.len(), crc32fast::hash(&every_column)), (142_596, 0x5ad0_cfb3));
}
