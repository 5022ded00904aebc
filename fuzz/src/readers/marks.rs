//! What a recorded command says of its threads' phases and of times, as it comes through the pipe: in pieces.

use grantscope_collector::MarkLines;

pub fn run(input: &[u8]) -> String {
    let mut lines = MarkLines::since(1_000);
    input.chunks(1 + input.len() / 3).for_each(|piece| lines.take(piece, 3_000_000_000));
    let named = lines.named().iter().map(|mark| mark.name().len()).max();
    let unreadable = lines.unreadable();
    format!("{}, of which the first is {} long; names of {named:?} bytes", unreadable.lines > 0, unreadable.first.len())
}
