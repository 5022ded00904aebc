//! What docs/top.md says that one finds with which keys: pressed, and looked for on the screen.

mod support;

use std::path::Path;

use assert_cmd::Command;
use grantscope_analysis::model::{Detail, Frames, HeldBy, Holder, LiveMap, MapState, MapsReport, Operation, Outcome};
use grantscope_analysis::recording::Frame;
use grantscope_wire::{Buffer, Cause, Op, Stage};
use support::builder::{bytes, environment, operation};

const DOCUMENT: &str = include_str!("../../docs/top.md");
const SWEEP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");
/// More are too many.
const MOST_KEYS: usize = 4;

/// A row of the table of questions.
struct Question<'a> {
    asked: &'a str,
    keys: Vec<&'a str>,
    /// What is in backquotes.
    said: Vec<&'a str>,
}

fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn questions() -> Vec<Question<'static>> {
    let rows = DOCUMENT.lines().skip_while(|line| *line != "## Questions").skip_while(|line| !line.starts_with("|---"));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    let row = |line: &'static str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').collect();
        Question { asked: cells[0], keys: quoted(cells[1]), said: quoted(cells[2]) }
    };
    rows.map(row).collect()
}

fn screen(recording: &Path, keys: &[&str]) -> String {
    let keys = keys.join(" ").replace("Enter", "enter").replace("Down", "down");
    let args = ["shot", "--size", "80x24", "--keys", &keys];
    let output = Command::cargo_bin("grantscope").unwrap().args(args).arg(recording).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a recording of a healthy benchmark does not have: failures, a leak, and a time with two modes.
fn troubled() -> Vec<Frame> {
    let details = vec![Detail::Cause(Cause::GrantsRefused), Detail::Status { status: -3, count: 4 }];
    let refused = Operation {
        outcome: Outcome::Errno(22),
        details,
        ..operation(Op::Mmap, Buffer::Pages, 4, 5, &[(Stage::Remainder, 900)])
    };
    let balloon = |place: u64| {
        let ns = if place.is_multiple_of(3) { 250_000 } else { 90_000 };
        operation(Op::Export, Buffer::Wc, 4, place * 1_000_000, &[(Stage::BalloonOut, ns + place)])
    };
    let leaked = LiveMap {
        id: 1,
        allocated_ns: Some(0),
        owner: Some(71),
        comm: "camera".to_owned(),
        domid: Some(1),
        buffer: Some(Buffer::Wc),
        pages: 16,
        state: MapState::Exported,
        owner_gone_ns: Some(1_000_000_000),
        holders: vec![Holder { tgid: 99, comm: "gpu".to_owned(), by: HeldBy::DmaBuf }],
        frames: Some(Frames { pfn_runs: 1, bfn_runs: 7, split_runs: 1, longest_split_pages: 2, same_pages: None }),
        allocator: None,
    };
    let maps = MapsReport { at_ns: 60_000_000_000, changed: vec![leaked], ..MapsReport::default() };
    let operations = (1..200).map(balloon).chain([refused]).collect();
    vec![
        Frame::Environment(environment()),
        Frame::Operations(operations),
        Frame::Maps(maps),
        Frame::End { at_ns: 60_000_000_000 },
    ]
}

#[test]
fn every_question_is_answered_by_the_keys_that_the_document_names() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("troubled.gsr");
    std::fs::write(&other, bytes(&troubled())).unwrap();
    let questions = questions();
    assert!(questions.len() >= 8);
    for Question { asked, keys, said } in questions {
        assert!(keys.len() <= MOST_KEYS && !said.is_empty(), "{asked}: {keys:?}");
        let screens = [Path::new(SWEEP), &other].map(|recording| screen(recording, &keys));
        let answers = |screen: &&String| said.iter().all(|words| screen.contains(words));
        assert!(screens.iter().any(|screen| answers(&screen)), "{asked}: {keys:?} should show {said:?}:\n{}", screens.join("\n"));
    }
    // Of the words that name a process, too.
    let leak = screen(&other, &["M"]);
    assert!(leak.contains("camera") && leak.contains("71"), "{leak}");
}
