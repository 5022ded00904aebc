//! The table of readers: to add one, write its file here and its row, and give it a corpus.

mod config;
mod decide;
mod faulty;
mod journal;
mod marks;
mod merge;
mod peer;
mod recording;
mod records;
mod scenario;
mod screen;
mod shown;
mod truth;

use crate::limits::USUAL_TIME;
use crate::mutate::Shape;
use crate::reader::Reader;

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
        name: "results",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/results", ".csv")],
        most_memory_mib: 64,
        most_time: USUAL_TIME,
        run: decide::results,
    },
    Reader {
        name: "merge",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/results", ".csv")],
        most_memory_mib: 64,
        most_time: USUAL_TIME,
        run: merge::run,
    },
    Reader {
        name: "limits",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/limits", ".toml")],
        most_memory_mib: 64,
        most_time: USUAL_TIME,
        run: decide::limits,
    },
    Reader {
        name: "config",
        shape: Shape::Text,
        corpus: &[("fuzz/corpus/config", ".toml")],
        most_memory_mib: 64,
        most_time: USUAL_TIME,
        run: config::run,
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
