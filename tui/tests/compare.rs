//! `grantscope compare` as a pipeline meets it: verdicts, what is never compared in silence, exit codes, and the forms of what it writes.

mod support;

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use grantscope_analysis::decide::Remark;
use grantscope_analysis::model::{Environment, Operation, Outcome};
use grantscope_analysis::recording::Frame;
use grantscope_wire::{Buffer, Edge, Event, HookId, LossKind, Op, Stage};
use support::builder::{bytes, environment, loss, operation};
use tempfile::TempDir;

/// A real one.
const SWEEP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");

/// A folder with recordings.
struct Runs(TempDir);

/// What a run of the command left.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Runs {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn with(self, name: &str, recorded: &[u8]) -> Self {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), recorded).unwrap();
        self
    }

    fn compare(&self, args: &[&str]) -> Ran {
        self.run(&[&["compare"], args].concat())
    }

    fn run(&self, args: &[&str]) -> Ran {
        let output = Command::cargo_bin("grantscope").unwrap().current_dir(self.0.path()).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// A recording in which an export of DMA memory takes so long to allocate, more or less; one of ordinary pages is always the same.
fn recording(name: &str, dma_alloc_ns: u64, count: u64) -> Vec<Frame> {
    let varied = |ns: u64, i: u64| ns + ns * (i * 7 % 20) / 2_000;
    let export = |buffer, alloc, ns, i| {
        let [before_ns, alloc_ns] = [varied(20_000, i), varied(ns, i)];
        let log = [(Edge::Entry, before_ns), (Edge::Return, before_ns + alloc_ns)];
        let log = log.into_iter().map(|(edge, at_ns)| Event::new(Event::code(alloc, edge), at_ns)).collect();
        Operation {
            log,
            ..operation(Op::Export, buffer, 16, 10 + i, &[(Stage::ArgumentCopy, before_ns), (Stage::DmaAlloc, alloc_ns)])
        }
    };
    let operations = (0..count).flat_map(|i| {
        [
            export(Buffer::Wc, HookId::GnttabDmaAllocPages, dma_alloc_ns, i),
            export(Buffer::Coherent, HookId::GnttabDmaAllocPages, dma_alloc_ns, i + 3),
            export(Buffer::Pages, HookId::GnttabAllocPages, 30_000, i),
        ]
    });
    let environment = Environment { run: name.to_owned(), ..environment() };
    vec![Frame::Environment(environment), Frame::Operations(operations.collect()), Frame::End { at_ns: 1_000_000 }]
}

fn base() -> Vec<u8> {
    bytes(&recording("base", 100_000, 200))
}

/// Two exports of DMA memory are slower, by what allocating takes.
fn slower() -> Vec<u8> {
    bytes(&recording("head", 120_000, 200))
}

fn with(mut frames: Vec<Frame>, frame: Frame) -> Vec<u8> {
    let end = frames.len() - 1;
    frames.insert(end, frame);
    bytes(&frames)
}

#[test]
fn what_became_slower_is_named_with_its_stage() {
    let ran = Runs::new().with("base.gsr", &base()).with("head.gsr", &slower()).compare(&["base.gsr", "head.gsr"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (3, ""));
    insta::assert_snapshot!(ran.stdout);
}

#[test]
fn what_is_watched_is_compared_with_a_baseline_by_the_same_limits() {
    let runs = Runs::new().with("base.gsr", &base()).with("head.gsr", &slower());
    let watched = runs.run(&["top", "head.gsr", "--speed", "max", "--baseline", "base.gsr"]);
    let compared = runs.compare(&["base.gsr", "head.gsr"]);
    assert_eq!((watched.code, watched.stderr.as_str()), (0, ""));
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("regressed ")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&watched.stdout), rows(&compared.stdout));
    assert_eq!(rows(&watched.stdout).len(), 2, "{}", watched.stdout);
    let loose = runs.run(&["top", "head.gsr", "--speed", "max", "--baseline", "base.gsr", "--max", "* p50=50%"]);
    assert_eq!((loose.code, rows(&loose.stdout).len()), (0, 0), "{}", loose.stdout);
    for (args, why) in
        [(&["--max", "* p50=50%"][..], "give --baseline RUN"), (&["--baseline", "none.gsr"], "none.gsr: cannot be opened")]
    {
        let refused = runs.run(&[&["top", "head.gsr"], args].concat());
        assert!(refused.code != 0 && refused.stderr.contains(why), "{}", refused.stderr);
    }
}

#[test]
fn markdown_begins_with_what_follows() {
    let runs = Runs::new().with("base.gsr", &base()).with("head.gsr", &slower());
    let ran = runs.compare(&["base.gsr", "head.gsr", "--format", "markdown"]);
    insta::assert_snapshot!(ran.stdout);
    let names = ["/", "gsr"].map(|of_path| ran.stdout.contains(of_path));
    assert_eq!(names, [false; 2], "no path of this machine is in it");
}

#[test]
fn the_same_run_twice_is_equivalent_everywhere_and_so_are_wc_and_coherent_but_not_pages() {
    let runs = Runs::new().with("base.gsr", &base()).with("again.gsr", &base());
    let twice = runs.compare(&["base.gsr", "again.gsr"]);
    assert!(twice.code == 0 && twice.stdout.contains("3 equivalent"), "{}", twice.stdout);
    let arms = runs.compare(&["base.gsr", "--arms", "buffer"]);
    assert_eq!(arms.code, 3);
    insta::assert_snapshot!(arms.stdout);
}

#[test]
fn nothing_is_compared_in_silence_and_everything_but_nothing_can_be_allowed() {
    let of_kernel = |kernel: &str| {
        let mut frames = recording("head", 100_000, 200);
        frames[0] = Frame::Environment(Environment { run: "head".to_owned(), kernel: kernel.to_owned(), ..environment() });
        bytes(&frames)
    };
    let failed = |count: u64| {
        let failed = operation(Op::Export, Buffer::Wc, 16, 10, &[(Stage::Remainder, 1_000)]);
        let failures = (0..count).map(|_| Operation { outcome: Outcome::Errno(12), ..failed.clone() });
        with(recording("head", 100_000, 200), Frame::Operations(failures.collect()))
    };
    let another = with(
        recording("head", 100_000, 200),
        Frame::Operations((0..200).map(|i| operation(Op::Map, Buffer::Wc, 16, i, &[(Stage::Remainder, 1_000)])).collect()),
    );
    let lost = with(recording("head", 100_000, 200), loss(20, HookId::GntdevIoctl, LossKind::RingFull, 7));
    let runs = Runs::new()
        .with("base.gsr", &base())
        .with("kernel.gsr", &of_kernel("6.13.0"))
        .with("outcomes.gsr", &failed(3))
        .with("missing.gsr", &another)
        .with("lost.gsr", &lost);
    for (name, words) in [
        ("kernel", "another kernel: base 6.12.0, head 6.13.0"),
        ("outcomes", "3 operations of head failed as none did on the other side: export.wc[pages=16 domid=1 outcome=ENOMEM]"),
        ("missing", "base has no map.wc[pages=16 domid=1], of which the other side has 200 operations"),
        ("lost", "head lost up to 7 operations of kind export"),
    ] {
        let head = format!("{name}.gsr");
        let ran = runs.compare(&["base.gsr", &head]);
        assert!(
            ran.code == 4 && ran.stdout.contains(&format!("{words} (--allow {name})")),
            "{name}: {} {}",
            ran.code,
            ran.stdout
        );
        let allowed = runs.compare(&["base.gsr", &head, "--allow", name]);
        assert!(allowed.code == 0 && allowed.stdout.contains(&format!("{words} (allowed)")), "{name}: {}", allowed.stdout);
        let mirrored = runs.compare(&[&head, "base.gsr"]);
        assert_eq!(mirrored.code, 4, "{name}: {}", mirrored.stdout);
    }
    let unmatched =
        runs.compare(&["base.gsr", "kernel.gsr", "--allow", "kernel", "--max", "export p50=5%", "--max", "copy p50=5%"]);
    assert!(
        unmatched.code == 4 && unmatched.stdout.contains("no series is meant by the limit for `copy`"),
        "{}",
        unmatched.stdout
    );
    let nothing = runs.compare(&["base.gsr", "base.gsr", "--max", "copy p50=5%", "--allow", "limits"]);
    assert!(nothing.code == 4 && nothing.stdout.contains("nothing to compare"), "{}", nothing.stdout);
}

#[test]
fn too_few_operations_decide_nothing_and_may_pass_where_that_is_wanted() {
    let few = |name| bytes(&recording(name, 100_000, 10));
    let runs = Runs::new().with("base.gsr", &few("base")).with("head.gsr", &few("head"));
    let ran = runs.compare(&["base.gsr", "head.gsr"]);
    assert!(ran.code == 4 && ran.stdout.contains("on each side would decide it"), "{}", ran.stdout);
    assert_eq!(runs.compare(&["base.gsr", "head.gsr", "--inconclusive", "pass"]).code, 0);
    let runs = runs.with("slower.gsr", &slower());
    assert_eq!(runs.compare(&["base.gsr", "slower.gsr", "--inconclusive", "pass"]).code, 0, "ten operations say nothing");
}

#[test]
fn several_runs_are_sides_by_folders_and_by_name() {
    let run = |name: &str, ns| bytes(&recording(name, ns, 100));
    let runs = Runs::new();
    let runs = [100_000, 100_100, 99_900].iter().enumerate().fold(runs, |runs, (i, &ns)| {
        runs.with(&format!("base/{i}/recording.gsr"), &run("b", ns)).with(&format!("head/{i}.gsr"), &run("h", ns + 30_000))
    });
    let folders = runs.compare(&["base", "head"]);
    assert!(folders.code == 3 && folders.stdout.starts_with("base b (3 runs), head h (3 runs)\n"), "{}", folders.stdout);
    let named = runs.compare(&["base/0", "base/1", "base/2", "--with", "head/0.gsr", "head/1.gsr", "head/2.gsr"]);
    assert_eq!(named.stdout, folders.stdout);
    let odd = runs.compare(&["base/0", "base/1", "base/2"]);
    assert!(odd.code == 2 && odd.stderr.contains("--with HEAD"), "{}", odd.stderr);
}

#[test]
fn a_table_says_what_its_recording_says() {
    let runs = Runs::new().with("base.gsr", &base()).with("head.gsr", &slower());
    let recordings = runs.compare(&["base.gsr", "head.gsr"]);
    for name in ["base", "head"] {
        assert_eq!(runs.run(&["export", &format!("{name}.gsr"), "-o", &format!("{name}.csv")]).code, 0);
    }
    for sides in [["base.csv", "head.csv"], ["base.gsr", "head.csv"], ["base.csv", "head.gsr"]] {
        let tables = runs.compare(&sides);
        assert_eq!((tables.code, &tables.stdout), (3, &recordings.stdout), "{sides:?}: {}", tables.stderr);
    }
    let real = SWEEP;
    assert_eq!(runs.run(&["export", real, "-o", "real.csv"]).code, 0);
    // How the hooks were attached is in no table, so that the correction is taken to be as wrong as it can be on both sides.
    let verdicts = |sides: [&str; 2]| {
        let csv = runs.compare(&[sides[0], sides[1], "--format", "csv"]).stdout;
        let rows = csv::Reader::from_reader(csv.as_bytes()).into_records().collect::<Result<Vec<_>, _>>().unwrap();
        let mut verdicts: Vec<_> = rows.iter().map(|row| [3, 4, 2].map(|column| row[column].to_owned())).collect();
        verdicts.sort();
        verdicts
    };
    assert_eq!(verdicts([real, "real.csv"]), verdicts([real, real]));
    let broken = runs.with("broken.csv", b"op,count\nexport,1\n").compare(&["base.csv", "broken.csv"]);
    assert!(
        broken.code == 1 && broken.stderr.contains("broken.csv: it is no results.csv: it has no column run"),
        "{}",
        broken.stderr
    );
}

#[test]
fn what_programs_read_is_as_its_schema_says() {
    let runs = Runs::new().with("base.gsr", &base()).with("head.gsr", &slower());
    let json = |args: &[&str]| serde_json::from_str::<serde_json::Value>(&runs.compare(args).stdout).unwrap();
    let schema = serde_json::from_str(include_str!("../../docs/compare.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for args in [&["base.gsr", "head.gsr", "--format", "json"][..], &["base.gsr", "--arms", "buffer", "--format", "json"]] {
        let written = json(args);
        assert!(
            validator.is_valid(&written),
            "{:?}",
            validator.iter_errors(&written).map(|error| error.to_string()).collect::<Vec<_>>()
        );
    }
    let csv = runs.compare(&["base.gsr", "head.gsr", "--format", "csv"]).stdout;
    let rows = csv::Reader::from_reader(csv.as_bytes()).into_records().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(rows.iter().map(|row| row[2].to_owned()).collect::<Vec<_>>(), ["regressed", "regressed", "equivalent"]);
}

#[test]
fn limits_come_from_a_file_that_its_schema_describes() {
    let toml = "version = 1\nlimits = [\"export.wc p50=25%\"]\nallow = [\"kernel\"]\n";
    let runs = Runs::new().with("base.gsr", &base()).with("head.gsr", &slower()).with("limits.toml", toml.as_bytes());
    assert_eq!(runs.compare(&["base.gsr", "head.gsr", "--check", "limits.toml"]).code, 0);
    assert_eq!(runs.compare(&["base.gsr", "head.gsr", "--check", "limits.toml", "--max", "*.coherent p50=5%"]).code, 3);
    let broken = runs.with("limits.toml", b"version = 1\nlimits = [\"exprot p50=25%\"]\n").compare(&[
        "base.gsr",
        "head.gsr",
        "--check",
        "limits.toml",
    ]);
    assert!(
        broken.code == 1 && broken.stderr.contains("limits.toml: line 2, column 12: `exprot` is no operation"),
        "{}",
        broken.stderr
    );
    let schema: serde_json::Value = serde_json::from_str(include_str!("../../docs/limits.schema.json")).unwrap();
    let names = schema["properties"]["allow"]["items"]["anyOf"][0]["enum"].as_array().unwrap();
    assert_eq!(names.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>(), Remark::names());
}

#[test]
fn half_a_run_and_no_run_are_errors() {
    let whole = base();
    let runs = Runs::new().with("base.gsr", &whole).with("half.gsr", &whole[..whole.len() / 2]).with("empty/note.txt", b"");
    for (head, words) in [("half.gsr", "half a run"), ("empty", "has no recordings"), ("none.gsr", "none.gsr")] {
        let ran = runs.compare(&["base.gsr", head]);
        assert!(ran.code == 1 && ran.stderr.contains(words), "{head}: {} {}", ran.code, ran.stderr);
    }
}

/// What every operation of the sweep can be judged by, few as they are of some page counts.
const OF_SWEEP: [&str; 2] = ["--max", "export.*[pages=1] p50=5%"];

impl Runs {
    /// With a CSV of the sweep that has these tags, for each: `board=imx,branch=x` is imx-x.csv.
    fn with_sweeps(self, boards: &[&str], branches: &[&str]) -> Self {
        for (board, branch) in boards.iter().flat_map(|board| branches.iter().map(move |branch| (board, branch))) {
            let (tags, file) = (format!("board={board},branch={branch}"), format!("{board}-{branch}.csv"));
            assert_eq!(self.run(&["merge", SWEEP, "--tag", &tags, "-o", &file]).code, 0);
        }
        self
    }

    fn compare_sweeps(&self, args: &[&str]) -> Ran {
        self.compare(&[args, &OF_SWEEP].concat())
    }
}

#[test]
fn boards_are_kept_apart_and_a_board_that_is_missing_decides() {
    let runs = Runs::new().with_sweeps(&["imx", "rcar"], &["main", "x"]);
    for branch in ["main", "x"] {
        let [imx, rcar] = ["imx", "rcar"].map(|board| format!("{board}-{branch}.csv"));
        assert_eq!(runs.run(&["merge", &imx, &rcar, "-o", &format!("{branch}.csv")]).code, 0);
    }
    let mixed = runs.compare_sweeps(&["main.csv", "x.csv", "--allow", "tag_branch"]);
    let words = "runs of one side differ in board: base imx and rcar, head imx and rcar; --by board keeps them apart";
    assert!(mixed.code == 4 && mixed.stdout.contains(&format!("{words} (--allow tag_board)")), "{}", mixed.stdout);
    assert!(mixed.stdout.contains("another branch: base main, head x (allowed)"), "{}", mixed.stdout);
    assert_eq!(runs.compare_sweeps(&["main.csv", "x.csv", "--allow", "tag_branch,tag_board"]).code, 0);

    let apart = runs.compare_sweeps(&["main.csv", "x.csv", "--by", "board"]);
    assert!(apart.code == 4 && !apart.stdout.contains("--by board"), "the branch is another one: {}", apart.stdout);
    let apart = runs.compare_sweeps(&["main.csv", "x.csv", "--by", "board", "--allow", "tag_branch"]);
    assert_eq!(apart.code, 0);
    insta::assert_snapshot!(apart.stdout);
    let column = runs.compare_sweeps(&["main.csv", "x.csv", "--by", "tag_board", "--allow", "tag_branch"]);
    assert_eq!(column.stdout, apart.stdout);

    let lacking = &["main.csv", "rcar-x.csv", "--by", "board", "--allow", "tag_branch"];
    let lacks = runs.compare_sweeps(lacking);
    let words = "head has no run of the group (board=imx), of which the other side has 1";
    assert!(lacks.code == 4 && lacks.stdout.contains(&format!("{words} (--allow group)")), "{}", lacks.stdout);
    assert_eq!(runs.compare_sweeps(&[lacking, &["--allow", "group"][..]].concat()).code, 0);
    let nothing = runs.compare_sweeps(&["imx-x.csv", "rcar-x.csv", "--by", "board", "--allow", "group"]);
    assert!(nothing.code == 4 && nothing.stdout.contains("nothing to compare"), "{}", nothing.stdout);
}

#[test]
fn groups_are_in_every_form() {
    let runs = Runs::new().with_sweeps(&["imx", "rcar"], &["main"]);
    let of = |format| {
        let both = &["imx-main.csv", SWEEP, "--with", "rcar-main.csv", "imx-main.csv", "--by", "board,arch", "--format", format];
        runs.compare_sweeps(both).stdout
    };
    insta::assert_snapshot!(of("markdown"));
    let written = serde_json::from_str::<serde_json::Value>(&of("json")).unwrap();
    let schema = serde_json::from_str(include_str!("../../docs/compare.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<_> = validator.iter_errors(&written).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    let groups: Vec<_> = written["comparisons"].as_array().unwrap().iter().map(|one| one["group"].to_string()).collect();
    let group = |board: &str| format!(r#"{{"arch":"aarch64","tag_board":{board}}}"#);
    assert_eq!(groups, [group("null"), group(r#""imx""#), group(r#""rcar""#)]);
    let csv = of("csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(header.iter().rev().take(2).collect::<Vec<_>>(), ["arch", "tag_board"]);
    let rows: Vec<_> = reader.records().map(|row| row.unwrap()[header.len() - 2].to_owned()).collect();
    assert_eq!(rows, ["imx"; 3], "only this board is on both sides, with three buffer kinds");
}

#[test]
fn ways_are_compared_in_each_group() {
    let runs = Runs::new().with_sweeps(&["imx", "rcar"], &["main"]);
    let both = &["imx-main.csv", "rcar-main.csv", "--arms", "buffer", "--max", "export[pages=1] p50=100%"];
    let mixed = runs.compare(both);
    assert!(mixed.code == 4 && mixed.stdout.contains("wc imx and rcar; --by board keeps them apart"), "{}", mixed.stdout);
    let apart = runs.compare(&[&both[..], &["--by", "board"]].concat());
    assert_eq!(apart.code, 0, "{}", apart.stdout);
    for heading in ["board=imx: wc compared with pages\n", "board=rcar: coherent compared with wc\n"] {
        assert!(apart.stdout.contains(heading), "{}", apart.stdout);
    }
    assert_eq!(apart.stdout.matches("wrong with a chance of at most 0.17 %").count(), 6, "a sixth each: {}", apart.stdout);
}

#[test]
fn what_no_run_has_is_wrong_usage_and_names_what_they_have() {
    let runs = Runs::new().with_sweeps(&["imx"], &["main"]);
    for args in [&["imx-main.csv", "imx-main.csv"][..], &["imx-main.csv", "--arms", "buffer"]] {
        let ran = runs.compare_sweeps(&[args, &["--by", "boad"]].concat());
        assert_eq!(ran.code, 2, "{}", ran.stdout);
        assert!(ran.stderr.contains("--by boad: no run has it; they have run, kernel, xen, arch, "), "{}", ran.stderr);
        assert!(ran.stderr.contains("board, branch"), "{}", ran.stderr);
    }
    let ran = runs.compare_sweeps(&["imx-main.csv", "imx-main.csv", "--allow", "branch"]);
    assert!(ran.code == 2 && ran.stderr.contains("missing"), "{}", ran.stderr);
}
