//! The table of readers: to add one, write its file here and its row, and give it a corpus.

mod faulty;
mod journal;
mod marks;
mod peer;
mod recording;
mod records;
mod scenario;
mod screen;
mod truth;

use std::time::Duration;

use crate::limits::USUAL_TIME;
use crate::mutate::Shape;

/// What reads something that others wrote.
pub struct Reader {
    /// Its name on the command line.
    pub name: &'static str,
    /// What its inputs are made of.
    pub shape: Shape,
    /// Where its corpus is: folders of the work tree, and how the names of its files end. What it fails on belongs into the first.
    pub corpus: &'static [(&'static str, &'static str)],
    /// Memory that an execution may have at the most. It is what `docs/SECURITY.md` promises, for inputs of this size.
    most_memory_mib: usize,
    /// Processor time that an execution may have at the most.
    pub most_time: Duration,
    /// Reads the input, does what the programs do with what was read, and says in a line what came of it. It panics where something came
    /// out that must not.
    pub run: fn(&[u8]) -> String,
}

impl Reader {
    /// Bytes that an execution may have.
    pub fn most_memory(&self) -> usize {
        self.most_memory_mib << 20
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const RECORDINGS: &[(&str, &str)] =
    &[("tui/tests/cases", ".gsr"), ("analysis/tests/fixtures", ".gsr"), ("docs/recordings", ".gsr")];

/// All of them.
pub const READERS: &[Reader] = &[
    Reader {
        name: "recording",
        shape: Shape::Frames,
        corpus: RECORDINGS,
        most_memory_mib: 64,
        most_time: USUAL_TIME,
        run: recording::run,
    },
    Reader {
        name: "screen",
        shape: Shape::Frames,
        corpus: RECORDINGS,
        most_memory_mib: 64,
        most_time: USUAL_TIME,
        run: screen::run,
    },
    Reader {
        name: "truth",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/truth", ".json")],
        most_memory_mib: 64,
        most_time: USUAL_TIME,
        run: truth::run,
    },
    Reader {
        name: "scenario",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/scenario", ".toml"), ("workload/scenarios", ".toml")],
        most_memory_mib: 64,
        most_time: USUAL_TIME,
        run: scenario::run,
    },
    Reader {
        name: "journal",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/journal", ".json")],
        most_memory_mib: 16,
        most_time: USUAL_TIME,
        run: journal::run,
    },
    Reader {
        name: "marks",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/marks", ".txt")],
        most_memory_mib: 4,
        most_time: USUAL_TIME,
        run: marks::run,
    },
    Reader {
        name: "nodes",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/nodes", ".txt")],
        most_memory_mib: 16,
        most_time: USUAL_TIME,
        run: peer::nodes,
    },
    Reader {
        name: "pages",
        shape: Shape::Bytes,
        corpus: &[("fuzz/corpus/pages", ".bin")],
        most_memory_mib: 4,
        most_time: USUAL_TIME,
        run: peer::pages,
    },
    Reader {
        name: "records",
        shape: Shape::Bytes,
        corpus: &[("fuzz/corpus/records", ".bin")],
        most_memory_mib: 32,
        most_time: USUAL_TIME,
        run: records::run,
    },
];

/// The reader of this name, also one of those that fail.
///
/// # Errors
/// There is none.
pub fn by_name(name: &str) -> Result<&'static Reader, String> {
    let names = || READERS.iter().map(|reader| reader.name).collect::<Vec<_>>().join(", ");
    let mut all = READERS.iter().chain(faulty::READERS);
    all.find(|reader| reader.name == name).ok_or_else(|| format!("there are {}", names()))
}

/// Panics where a text has what a terminal would obey.
fn assert_shown(what: &str, text: &str) {
    let obeyed =
        text.chars().find(|&character| character.is_control() && character != '\n' || "\u{202e}\u{2028}".contains(character));
    assert_eq!(obeyed, None, "{what} has a character that a terminal would obey");
}
