//! What another domain writes: its nodes in xenstore, the pages of its directory, and its requests.

use grantscope_generator::peer::requests::Command;
use grantscope_generator::peer::{directory, xenstore};

/// Lists of references, a line for each node.
pub fn nodes(input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "no text".to_owned() };
    let mut references = Vec::new();
    let good = text.lines().take_while(|line| xenstore::decode(line, &mut references).is_some()).count();
    format!("{good} nodes, {} references", references.len())
}

/// Pages of words: as those of a directory, one after the other, and their first words as requests.
pub fn pages(input: &[u8]) -> String {
    let mut already = 0;
    let mut said = String::new();
    for page in input.chunks(directory::WORDS * 4) {
        let word = |place: usize| {
            let bytes = page.get(place * 4..place * 4 + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u32::from_ne_bytes)
        };
        match directory::decode(word, already) {
            Ok(page) => already += page.references.len(),
            Err(broken) => said = broken.to_string(),
        }
        let request = Command::decode([word(3), word(4), word(5)]);
        said.push_str(if request.is_some() { ", a request" } else { "" });
    }
    format!("{already} references {said}")
}
