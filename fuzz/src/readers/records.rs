//! The probes' records, as they come from the ring: each behind its length, in two bytes.
//!
//! The kernel is trusted; but a recorder that panics loses a recording, and probes and recorder may be of different builds.

use grantscope_analysis::model::Operation;
use grantscope_analysis::recording::{Frame, Writer};
use grantscope_collector::Decoder;

use super::recording;

pub fn run(input: &[u8]) -> String {
    let mut decoder = Decoder::default();
    let (mut operations, mut error) = (Vec::<Operation>::new(), String::new());
    let mut rest = input;
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let (record, behind) = behind.split_at(behind.len().min(u16::from_le_bytes(*length).into()));
        rest = behind;
        let named = |address: i32| (address % 2 == 0).then(|| format!("caller{address}"));
        if let Err(why) = decoder.operations(record, named, |operation| operations.push(operation)) {
            error = why.to_string();
        }
    }
    let sounded = decoder.take_sounded().len();
    let mut writer = Writer::begin(Vec::new(), &Default::default()).expect("a Vec takes everything");
    let count = operations.len();
    writer.write(&Frame::Operations(operations)).expect("a Vec takes everything");
    // What the recorder wrote, every reader takes.
    let read = recording::run(&writer.into_inner());
    assert!(read.contains("cut short after 2 frames") || count == 0 || read.contains("cut short"), "{read}");
    format!("{count} operations, {sounded} soundings, {error}")
}
