//! What a recorded command says of its threads' phases, as it comes through the pipe: in pieces.

use grantscope_collector::MarkLines;

pub fn run(input: &[u8]) -> String {
    let mut lines = MarkLines::default();
    input.chunks(1 + input.len() / 3).for_each(|piece| lines.take(piece));
    let unreadable = lines.unreadable();
    format!("{}, of which the first is {} long", unreadable.lines > 0, unreadable.first.len())
}
