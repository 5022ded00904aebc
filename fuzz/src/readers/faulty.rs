//! Readers that fail in each way that there is: the fuzzer's own tests see whether it notices.

use std::time::Duration;

use crate::mutate::Shape;
use crate::reader::Reader;

const CORPUS: &[(&str, &str)] = &[("fuzz/corpus/marks", ".txt")];

/// So that nobody waits for them.
const SHORT: Duration = Duration::from_millis(200);

/// One for each way. No list shows them.
pub const READERS: &[Reader] = &[
    Reader { name: "faulty-panic", shape: Shape::Text, corpus: CORPUS, most_memory_mib: 16, most_time: SHORT, run: panics },
    Reader {
        name: "faulty-memory",
        shape: Shape::Text,
        corpus: CORPUS,
        most_memory_mib: 16,
        most_time: SHORT,
        run: |input| grows(input, 32 << 20),
    },
    Reader {
        name: "faulty-addresses",
        shape: Shape::Text,
        corpus: CORPUS,
        most_memory_mib: 16,
        most_time: SHORT,
        run: |input| grows(input, 4 << 30),
    },
    Reader { name: "faulty-time", shape: Shape::Text, corpus: CORPUS, most_memory_mib: 16, most_time: SHORT, run: hangs },
];

/// What the corpus does not have.
fn is_wrong(input: &[u8]) -> bool {
    input.contains(&b'"')
}

fn panics(input: &[u8]) -> String {
    assert!(!is_wrong(input), "this input is wrong");
    String::new()
}

fn grows(input: &[u8], bytes: usize) -> String {
    let grown = Vec::<u8>::with_capacity(if is_wrong(input) { bytes } else { 0 });
    std::hint::black_box(&grown);
    String::new()
}

fn hangs(input: &[u8]) -> String {
    while is_wrong(std::hint::black_box(input)) {}
    String::new()
}
