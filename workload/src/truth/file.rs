//! The truth file: written in one go when everything measured is over.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use grantscope_output::{Draft, Output};
use serde::Serialize;

use super::{BalloonReport, Call, LoopTimes, Op, Teardowns, totals};
use crate::error::{Error, Result};

/// The columns of a call, in order.
const COLUMNS: [&str; 11] =
    ["op", "buffer", "pages", "outcome", "phase", "tid", "start_ns", "duration_ns", "cause", "statuses", "arm"];

/// How the run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum Ending {
    /// Everything that was planned was done.
    Complete,
    /// A signal ended it early.
    Interrupted,
    /// An error did.
    Failed {
        /// Its text.
        error: String,
    },
}

/// The file's report of the run itself.
#[derive(Clone, Debug, Serialize)]
pub struct Header {
    /// Always "grantscope-truth".
    pub format: &'static str,
    /// The version of the format; see `docs/truth.md`.
    pub version: u32,
    /// The scenario.
    pub scenario: String,
    /// The seed of the order of actions.
    pub seed: u64,
    /// The kernel's page size in bytes.
    pub page_size: usize,
    /// The command line.
    pub argv: Vec<String>,
    /// The pid.
    pub pid: u32,
    /// The clock of every `…_ns`.
    pub clock: &'static str,
    /// Time of day when it started.
    pub started: String,
    /// CLOCK_MONOTONIC when it started, in ns.
    pub started_ns: u64,
    /// CLOCK_MONOTONIC when it ended, in ns.
    pub ended_ns: u64,
    /// How it ended.
    pub ending: Ending,
    /// Steps that were left out because the kernel does not support them, with the reason.
    pub skipped: Vec<String>,
    /// Whether the importer of buffers maps what it imports, as was seen before the run: it decides what the file's `contains` says.
    #[serde(skip)]
    pub importer_maps: bool,
    /// Whose grants were released, and how often.
    pub teardowns: Vec<Teardowns>,
    /// The balloon.
    #[serde(skip_serializing_if = "BalloonReport::is_nothing")]
    pub balloon: BalloonReport,
    /// The report of a run of a scenario file.
    #[serde(flatten)]
    pub run_info: Option<RunInfo>,
}

/// The file's report of a run of a scenario file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RunInfo {
    /// The scenario's whole text.
    pub file: String,
    /// The values of the parameters that are the same in every arm.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// The arms' names, as calls carry them.
    pub arms: Vec<String>,
    /// The times of the iterations.
    pub loops: Vec<LoopTimes>,
}

impl Header {
    /// A header for a run that starts now.
    pub fn starting(scenario: &str, seed: u64, page_size: usize) -> Self {
        Self {
            format: "grantscope-truth",
            version: 1,
            scenario: scenario.to_owned(),
            seed,
            page_size,
            argv: std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect(),
            pid: std::process::id(),
            clock: "CLOCK_MONOTONIC",
            started: super::utc_timestamp(),
            started_ns: super::monotonic_ns(),
            ended_ns: 0,
            ending: Ending::Complete,
            skipped: Vec::new(),
            importer_maps: true,
            teardowns: Vec::new(),
            balloon: BalloonReport::default(),
            run_info: None,
        }
    }
}

/// How the name of a truth file ends that is not written yet.
pub const UNWRITTEN: &str = ".unwritten";

/// Where the truth goes. Opened before the run, so that a wrong path is known before anything is
/// measured.
pub enum Destination {
    /// `-`.
    StandardOutput,
    /// What has a name.
    Named {
        /// As it was given.
        path: PathBuf,
        /// Written under a temporary name in the same folder, so that there is a whole one under its own or none.
        draft: Draft,
    },
}

impl Destination {
    /// Opens `path`; `-` is standard output. A file that is there already is deleted: what an earlier run measured is not to be taken
    /// for what this one did, if this one is killed.
    ///
    /// # Errors
    /// No file can be made or replaced there.
    pub fn open(path: &Path) -> Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::StandardOutput);
        }
        let opened = Output::open(path).and_then(|output| {
            let mut draft = output.draft(UNWRITTEN)?;
            draft.discard_old()?;
            Ok(Self::Named { path: path.to_owned(), draft })
        });
        opened.map_err(|cause| Error::TruthPath { path: path.to_owned(), cause })
    }

    /// Writes everything. If the file cannot take it, standard output gets it, so that nothing
    /// measured is lost; the error is still reported.
    ///
    /// # Errors
    /// It could not be written; the error says whether standard output got it.
    pub fn write(self, header: &Header, calls: &[Call]) -> Result<()> {
        self.write_or_rescue(header, calls, &mut io::stdout().lock())
    }

    fn write_or_rescue(self, header: &Header, calls: &[Call], standard_output: &mut impl Write) -> Result<()> {
        let Self::Named { path, draft } = self else {
            let written = write_json(header, calls, standard_output);
            return written.map_err(|cause| Error::Truth { path: "-".into(), cause, rescued: false });
        };
        write_draft(draft, header, calls).map_err(|cause| {
            let rescued = write_json(header, calls, standard_output).is_ok();
            Error::Truth { path, cause, rescued }
        })
    }
}

/// On an error the draft is deleted: its space is needed then.
fn write_draft(mut draft: Draft, header: &Header, calls: &[Call]) -> io::Result<()> {
    write_json(header, calls, &mut draft)?;
    draft.commit()
}

/// The whole file: the header's fields on one line, then `totals`, `contains`, `columns` and `calls`, one item
/// a line.
fn write_json(header: &Header, calls: &[Call], out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    // The header's own object, left open for what follows; "format" is the first thing in the file.
    let fields = serde_json::to_string(header)?;
    let open = fields.strip_suffix('}').ok_or_else(|| io::Error::other("a header is an object"))?;
    writeln!(out, "{open},")?;
    write_lines(&mut out, "totals", totals(calls).iter())?;
    writeln!(out, ",\n\"contains\": {},", serde_json::to_string(&contains(header.importer_maps))?)?;
    writeln!(out, "\"columns\": {},", serde_json::to_string(&COLUMNS)?)?;
    let arms = header.run_info.as_ref().map_or(&[][..], |info| &info.arms);
    write_lines(&mut out, "calls", calls.iter().map(|call| row(call, arms)))?;
    writeln!(out, "\n}}")?;
    out.flush()
}

fn write_lines(out: &mut impl Write, name: &str, items: impl Iterator<Item = impl Serialize>) -> io::Result<()> {
    write!(out, "\"{name}\": [")?;
    for (number, item) in items.enumerate() {
        out.write_all(if number == 0 { b"\n" } else { b",\n" })?;
        serde_json::to_writer(&mut *out, &item)?;
    }
    write!(out, "]")
}

/// The operations of each kind of call that makes several.
fn contains(importer_maps: bool) -> BTreeMap<&'static str, &'static [&'static str]> {
    let several = Op::ALL.into_iter().map(|op| (op.name(), op.contains(importer_maps)));
    several.filter(|(_, operations)| !operations.is_empty()).collect()
}

/// One call as the array that [`COLUMNS`] describes.
fn row(call: &Call, arms: &[String]) -> impl Serialize {
    let subject = call.subject;
    let (cause, statuses) = call.why.map(|why| (why.cause, why.statuses)).unzip();
    let (phase, tid) = (call.phase, call.tid);
    let arm = call.arm.and_then(|arm| arms.get(usize::from(arm)).cloned()).filter(|arm| !arm.is_empty());
    (subject.op, subject.buffer, subject.pages, call.outcome(), phase, tid, call.start_ns, call.duration_ns, cause, statuses, arm)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use nix::errno::Errno;

    use super::super::{Buffer, Op, Phase, Subject, Why};
    use super::*;

    fn header() -> Header {
        Header {
            argv: vec!["grantscope-workload".into(), "run".into()],
            pid: 42,
            started: "2026-03-01T00:00:00Z".into(),
            started_ns: 1_000,
            ended_ns: 9_000,
            ending: Ending::Failed { error: "export of 16 \"wc\" pages failed".into() },
            skipped: vec!["foreign: no /dev/udmabuf".into()],
            ..Header::starting("sweep", 1, 4096)
        }
    }

    fn calls() -> Vec<Call> {
        let ok = Subject::new(Op::Export, Buffer::Wc, 16);
        let unknown = Subject::without_buffer(Op::WaitReleased);
        let call = |subject, errno, phase, start_ns, duration_ns| Call {
            subject,
            errno,
            phase,
            tid: 42,
            start_ns,
            duration_ns,
            why: None,
            arm: None,
        };
        let why = Some(Why { cause: "no_such_buffer", statuses: "" });
        vec![
            call(ok, None, Phase::Warmup, 2_000, 500),
            call(ok, None, Phase::Run, 3_000, 300),
            Call { why, ..call(unknown, Some(Errno::ENOENT), Phase::Run, 4_000, 90) },
        ]
    }

    #[test]
    fn the_file_reads_as_documented() {
        let mut text = Vec::new();
        write_json(&header(), &calls(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["calls"][2][3], "ENOENT");
        insta::assert_snapshot!(text, @r#"
        {"format":"grantscope-truth","version":1,"scenario":"sweep","seed":1,"page_size":4096,"argv":["grantscope-workload","run"],"pid":42,"clock":"CLOCK_MONOTONIC","started":"2026-03-01T00:00:00Z","started_ns":1000,"ended_ns":9000,"ending":{"how":"failed","error":"export of 16 \"wc\" pages failed"},"skipped":["foreign: no /dev/udmabuf"],"teardowns":[],
        "totals": [
        {"op":"export","buffer":"wc","pages":16,"outcome":"ok","count":2,"min_ns":300,"p50_ns":300,"max_ns":500,"sum_ns":800},
        {"op":"wait_released","buffer":null,"pages":null,"outcome":"ENOENT","count":1,"min_ns":90,"p50_ns":90,"max_ns":90,"sum_ns":90}],
        "contains": {"gem_close":["attachment_unmap","detach"],"prime_import":["attach","attachment_map"]},
        "columns": ["op","buffer","pages","outcome","phase","tid","start_ns","duration_ns","cause","statuses","arm"],
        "calls": [
        ["export","wc",16,"ok","warmup",42,2000,500,null,null,null],
        ["export","wc",16,"ok","run",42,3000,300,null,null,null],
        ["wait_released",null,null,"ENOENT","run",42,4000,90,"no_such_buffer","",null]]
        }
        "#);
    }

    #[test]
    fn an_importer_that_maps_nothing_attaches_and_detaches_alone() {
        let mut text = Vec::new();
        write_json(&Header { importer_maps: false, ..header() }, &[], &mut text).unwrap();
        let parsed: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(parsed["contains"], serde_json::json!({ "gem_close": ["detach"], "prime_import": ["attach"] }));
    }

    #[test]
    fn a_run_without_calls_is_still_valid_json() {
        let mut text = Vec::new();
        write_json(&header(), &[], &mut text).unwrap();
        let parsed: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(parsed["calls"], serde_json::json!([]));
    }

    #[test]
    fn a_full_disk_is_named_and_the_truth_is_rescued() {
        let destination = Destination::open(Path::new("/dev/full")).unwrap();
        let mut rescued = Vec::new();
        let error = destination.write_or_rescue(&header(), &calls(), &mut rescued).unwrap_err();
        insta::assert_snapshot!(error, @"cannot write the truth file /dev/full: No space left on device (os error 28); free some space or choose another place with --truth (the truth went to standard output instead)");
        let parsed: serde_json::Value = serde_json::from_slice(&rescued).unwrap();
        assert_eq!(parsed["calls"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn a_file_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let [path, link] = ["truth.json", "link"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&path, &link).unwrap();
        std::fs::write(&path, "an earlier run's").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let destination = Destination::open(&link).unwrap();
        assert!(!path.exists(), "an earlier run's truth must not be taken for this one's");
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        let temporary = names.iter().map(|name| name.to_string_lossy()).find(|name| name.ends_with(UNWRITTEN));
        assert!(temporary.is_some_and(|name| name.starts_with("truth.json.")), "{names:?}");
        destination.write(&header(), &calls()).unwrap();
        let parsed: serde_json::Value = serde_json::from_slice(&std::fs::read(&link).unwrap()).unwrap();
        assert_eq!(parsed["calls"].as_array().unwrap().len(), 3);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640, "as it was");
    }

    #[test]
    fn a_path_that_cannot_be_opened_is_known_before_the_run() {
        let Err(error) = Destination::open(Path::new("/nowhere/at/all/truth.json")) else {
            panic!("opened a file in a directory that does not exist");
        };
        insta::assert_snapshot!(error, @"cannot open the truth file /nowhere/at/all/truth.json: No such file or directory (os error 2); nothing was run, give another place with --truth");
    }
}
