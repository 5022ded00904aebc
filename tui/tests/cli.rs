//! The command as users meet it: help, exit codes, plain text, broken recordings.

mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use assert_cmd::Command;
use grantscope::commands::VERBS;
use grantscope_analysis::model::{Outcome, Phase};
use grantscope_analysis::recording::Frame;
use support::{builder, synthetic};
use tempfile::TempDir;

/// What a run of the command left.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn run_in<'a>(args: &[&str], stdin: &[u8], variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Ran {
    let mut command = Command::cargo_bin("grantscope").unwrap();
    // The help is as wide as the terminal: here it has none.
    command.args(args).env("COLUMNS", "100").env_remove("RUST_BACKTRACE").envs(variables).write_stdin(stdin);
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Whoever runs the tests may have keys of their own.
fn run_with(args: &[&str], stdin: &[u8]) -> Ran {
    run_in(args, stdin, [("GRANTSCOPE_CONFIG", "/dev/null")])
}

fn run(args: &[&str]) -> Ran {
    run_with(args, &[])
}

/// A directory with a recording in it.
struct Recorded {
    directory: TempDir,
}

impl Recorded {
    fn new(bytes: &[u8]) -> Self {
        let directory = TempDir::new().unwrap();
        let recorded = Self { directory };
        std::fs::File::create(recorded.path("recording.gsr")).unwrap().write_all(bytes).unwrap();
        recorded
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs the command with `@` standing for the directory; what it says has `@` again.
    fn run(&self, args: &[&str]) -> Ran {
        let directory = self.directory.path().display().to_string();
        let args: Vec<_> = args.iter().map(|arg| arg.replace('@', &directory)).collect();
        let ran = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        Ran { stdout: ran.stdout.replace(&directory, "@"), stderr: ran.stderr.replace(&directory, "@"), ..ran }
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

fn whole() -> Vec<u8> {
    builder::bytes(&synthetic::complete(2))
}

/// Ends in the middle of its last frame.
fn cut_short() -> Vec<u8> {
    let mut bytes = whole();
    bytes.truncate(bytes.len() - 3);
    bytes
}

/// One bit of a late frame is wrong.
fn damaged() -> Vec<u8> {
    let mut bytes = whole();
    let place = bytes.len() - 40;
    bytes[place] ^= 1;
    bytes
}

/// Rows of totals: (operation, buffer, pages, outcome) and count.
fn totals(csv: &str) -> Vec<(String, u64)> {
    let mut lines = csv.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let columns = lines.next().expect("a heading");
    let place = |name| columns.iter().position(|column| *column == name).expect(name);
    let keys = ["op", "buffer", "pages", "outcome"].map(place);
    let (stage, count) = (place("stage"), place("count"));
    let rows = lines.filter(|row| row[stage] == "total");
    rows.map(|row| (keys.map(|key| row[key]).join(" "), row[count].parse().expect("a number"))).collect()
}

fn operations(frames: &[Frame]) -> u64 {
    let count = |frame: &Frame| if let Frame::Operations(operations) = frame { operations.len() as u64 } else { 0 };
    frames.iter().map(count).sum()
}

#[test]
fn the_help_is_what_is_documented() {
    let verbs = VERBS.iter().map(|verb| (verb.command)().get_name().to_owned());
    for command in [String::new()].into_iter().chain(verbs) {
        let args: Vec<_> = [&command, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
        let ran = run(&args);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let name = if command.is_empty() { "help" } else { &format!("help_{command}") };
        insta::assert_snapshot!(name, ran.stdout);
    }
}

#[test]
fn a_wrong_command_line_is_reported_with_exit_code_2() {
    for args in [&["watch"][..], &["top", "--speed", "0"], &["export"], &["top", "a", "--replay", "b"], &["record"]] {
        let ran = run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}

#[test]
fn export_writes_every_operation_of_the_recording() {
    let recorded = Recorded::new(&whole());
    let ran = recorded.run(&["export", "--format", "csv", "@/recording.gsr", "-o", "@/out.csv"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
    let counted: u64 = totals(&recorded.read("out.csv")).iter().map(|(_, count)| count).sum();
    assert_eq!(counted, operations(&synthetic::complete(2)));
    assert!(!recorded.path("out.csv.part").exists());
}

#[test]
fn export_to_standard_output_gives_the_same_bytes_as_to_a_file() {
    let recorded = Recorded::new(&whole());
    recorded.run(&["export", "@/recording.gsr", "-o", "@/out.csv"]);
    let ran = recorded.run(&["export", "@/recording.gsr"]);
    assert_eq!(ran.stdout, recorded.read("out.csv"));
    assert_eq!(run_with(&["export", "-"], &whole()).stdout, ran.stdout);
}

#[test]
fn a_recording_that_is_cut_short_gives_everything_before_and_exit_code_4() {
    let recorded = Recorded::new(&cut_short());
    let ran = recorded.run(&["export", "@/recording.gsr"]);
    assert_eq!(ran.code, 4);
    insta::assert_snapshot!(ran.stderr, @"grantscope: warning: @/recording.gsr: the recording was cut short after 43 frames: everything before that is complete");
    let counted: u64 = totals(&ran.stdout).iter().map(|(_, count)| count).sum();
    // Only the end frame is broken.
    assert_eq!(counted, operations(&synthetic::complete(2)));
}

#[test]
fn a_damaged_recording_gives_everything_before_and_exit_code_4() {
    let recorded = Recorded::new(&damaged());
    let ran = recorded.run(&["summary", "@/recording.gsr"]);
    assert_eq!(ran.code, 4);
    insta::assert_snapshot!(ran.stderr, @"grantscope: warning: @/recording.gsr: the recording is damaged after 41 frames (a checksum that does not fit): everything before that is complete");
    assert!(ran.stdout.contains("operations, 0 lost"), "{}", ran.stdout);
}

#[test]
fn a_recording_cut_anywhere_never_fails_otherwise() {
    let bytes = builder::bytes(&synthetic::complete(1)[..6]);
    for length in (0..9).chain((9..bytes.len()).step_by(bytes.len() / 30)) {
        let ran = run_with(&["summary", "-"], &bytes[..length]);
        let expected = if length < 8 { 1 } else { 4 };
        assert_eq!(ran.code, expected, "cut at {length}: {}", ran.stderr);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_not_an_error() {
    let recorded = Recorded::new(&whole());
    let file = recorded.path("recording.gsr").display().to_string();
    for args in [&["export", &file][..], &["summary", &file], &["top", &file, "--speed", "max"]] {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("grantscope"));
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn the_summary_compares_buffer_kinds() {
    let recorded = Recorded::new(&whole());
    let ran = recorded.run(&["summary", "@/recording.gsr"]);
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!("summary", ran.stdout);
}

#[test]
fn raw_times_are_shown_to_who_asks_for_them() {
    let recorded = Recorded::new(&whole());
    let why = "raw times: the probes' own cost is in them (asked for)\n";
    assert!(recorded.run(&["summary", "@/recording.gsr", "--raw"]).stdout.starts_with(why));
    let top = recorded.run(&["top", "@/recording.gsr", "--speed", "max", "--raw"]).stdout;
    assert!(top.contains(" · RAW times · ") && top.contains(why), "{top}");
    let csv = recorded.run(&["export", "@/recording.gsr", "--raw"]).stdout;
    assert_eq!(csv, recorded.run(&["export", "@/recording.gsr"]).stdout, "a recording without a calibration has no other times");
}

/// Operations that alternate between warm-up, measured and no phase; every fourth is the set-up's, and fails.
fn in_phases() -> Vec<u8> {
    let mut frames = synthetic::complete(2);
    let phases = [Some(Phase::WarmUp), Some(Phase::Measured), None, Some(Phase::SetUp)];
    let operations = frames.iter_mut().filter_map(|frame| if let Frame::Operations(more) = frame { Some(more) } else { None });
    for (operation, phase) in operations.flatten().zip(phases.into_iter().cycle()) {
        operation.phase = phase;
        if phase == Some(Phase::SetUp) {
            operation.outcome = Outcome::Errno(12);
        }
    }
    builder::bytes(&frames)
}

#[test]
fn only_what_is_measured_is_shown_unless_another_phase_is_asked_for() {
    let recorded = Recorded::new(&in_phases());
    let counted = |args: &[&str]| {
        let csv = recorded.run(&[&["export", "@/recording.gsr"], args].concat()).stdout;
        totals(&csv).iter().map(|(_, count)| count).sum::<u64>()
    };
    let [measured, all] = [counted(&[]), counted(&["--phase", "all"])];
    assert_eq!(
        [counted(&["--phase", "warm-up"]), counted(&["--phase", "set-up"])].map(|count| count.abs_diff(measured) <= 1),
        [true; 2]
    );
    assert!(measured.abs_diff(all / 2) <= 1, "{measured} of {all}");
    let (summary, top) = (&["summary", "@/recording.gsr"][..], &["top", "@/recording.gsr", "--speed", "max"][..]);
    for args in [summary, top] {
        let (shown, whole) = (recorded.run(args).stdout, recorded.run(&[args, &["--phase", "all"]].concat()).stdout);
        assert!(shown.contains("left out by phase: ") && shown.contains(" of them failed); --phase all shows them\n"), "{shown}");
        assert!(!whole.contains("left out by phase"), "{whole}");
        assert!(
            shown.contains(&format!("{measured} operations, 0 lost")) && whole.contains(&format!("{all} operations, 0 lost"))
        );
    }
}

#[test]
fn top_without_a_terminal_prints_plain_text_and_the_summary_and_ends() {
    let recorded = Recorded::new(&whole());
    let ran = recorded.run(&["top", "--replay", "@/recording.gsr", "--speed", "max"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(!ran.stdout.contains('\u{1b}'), "escape sequences in plain text");
    assert!(ran.stdout.starts_with("run synthetic · host made-up"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\n  operation        buffer   pages outcome"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with(&recorded.run(&["summary", "@/recording.gsr"]).stdout), "{}", ran.stdout);
}

#[test]
fn top_reads_a_stream_from_standard_input() {
    let ran = run_with(&["top", "-"], &whole());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let all = builder::HOOKS_SHOWN;
    assert!(ran.stdout.contains(&format!("hooks {all} of {all}")), "{}", ran.stdout);
}

#[test]
fn top_says_when_its_stream_breaks_off() {
    let ran = run_with(&["top", "-"], &cut_short());
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("cut short"), "{}", ran.stderr);
    assert!(ran.stdout.contains("operations, 0 lost"), "{}", ran.stdout);
}

/// One line, which says what, on what, and what to do.
fn check_error(args: &[&str], expected: &str) {
    let recorded = Recorded::new(b"something else, and long enough");
    let ran = recorded.run(args);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, format!("grantscope: {expected}\n").as_str()));
}

#[test]
fn a_file_that_is_no_recording_is_refused() {
    let what = "this is not a grantscope recording: it does not begin with \"GSREC\"; give a file written by \
                `grantscope record -o FILE`";
    check_error(&["summary", "@/recording.gsr"], &format!("@/recording.gsr: {what}"));
    check_error(&["top", "@/recording.gsr"], &format!("recording.gsr: {what}"));
}

#[test]
fn an_empty_file_is_named_and_nothing_is_said_of_recorders_that_listen() {
    for command in ["top", "summary", "shot"] {
        let ran = Recorded::new(b"").run(&[command, "@/recording.gsr"]);
        let said = "recording.gsr: the input is empty: see what the program that should have written it says\n";
        assert!(ran.code == 1 && ran.stderr.ends_with(said), "{command}: {}", ran.stderr);
    }
}

#[test]
fn an_empty_stream_points_at_the_program_that_should_have_written_it() {
    for command in ["top", "summary"] {
        let ran = run_with(&[command, "-"], &[]);
        assert_eq!(ran.code, 1);
        assert!(ran.stderr.contains("the input is empty: see what"), "{}", ran.stderr);
    }
}

#[test]
fn a_recording_of_a_newer_version_is_refused() {
    let mut bytes = whole();
    bytes[6] = 99;
    let ran = run_with(&["summary", "-"], &bytes);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("version 99") && ran.stderr.contains("update grantscope"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_not_there_or_is_a_directory_is_named() {
    check_error(
        &["summary", "@/missing.gsr"],
        "@/missing.gsr: cannot be opened; check the path: No such file or directory (os error 2)",
    );
    check_error(&["top", "@"], "@: is a directory; give a file written by `grantscope record -o FILE`");
}

#[test]
fn a_target_that_cannot_be_written_is_named_and_nothing_is_left() {
    let recorded = Recorded::new(&whole());
    let ran = recorded.run(&["export", "@/recording.gsr", "-o", "@/missing/out.csv"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.stderr, @"grantscope: @/missing/out.csv: cannot be written; check the directory and the space on the disk: No such file or directory (os error 2)");
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let recorded = Recorded::new(&whole());
    let ran = recorded.run(&["export", "@/recording.gsr", "-o", "/dev/full"]);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.stderr, @"grantscope: /dev/full: cannot be written; check the directory and the space on the disk: No space left on device (os error 28)");
}

#[test]
fn where_standard_output_is_full_it_is_said_to_be_that() {
    let sweep = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");
    let top = ["top", sweep, "--speed", "max"];
    for args in [&["summary", sweep][..], &["shot", sweep], &["export", sweep], &["maps", sweep], &["config", "show"], &top] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_grantscope")).args(args).stdout(full).output().unwrap();
        let said = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains("written") && said.contains("No space left on device"), "{args:?}: {said}");
    }
}

#[cfg(not(feature = "capture"))]
#[test]
fn a_viewer_says_that_it_cannot_capture_and_how_to_get_it() {
    for args in [&["top"][..], &["record", "-o", "-"], &["bench"], &["doctor"], &["maps"]] {
        let ran = run(args);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
        assert!(ran.stderr.contains("`cargo xtask build --native`") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    }
}

/// A file of `docs/recordings`.
fn documented(name: &str) -> String {
    format!("{}/../docs/recordings/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_recording_in_the_documents_agrees_with_its_truth() {
    let ran = run(&["judge", &documented("sweep.gsr"), &documented("sweep.truth.json")]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    assert!(ran.stdout.starts_with("recording and truth agree: "), "{}", ran.stdout);
}

#[test]
fn a_truth_that_says_something_else_is_a_difference() {
    let recorded = Recorded::new(&std::fs::read(documented("sweep.gsr")).unwrap());
    let truth = std::fs::read_to_string(documented("sweep.truth.json")).unwrap();
    let other = truth.replacen(r#"["export","wc","#, r#"["export","coherent","#, 1);
    assert_ne!(other, truth, "the truth has no such call");
    std::fs::write(recorded.path("truth.json"), other).unwrap();
    let ran = recorded.run(&["judge", "@/recording.gsr", "@/truth.json"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stdout.contains("recording and truth differ"), "{}", ran.stdout);
}

#[test]
fn the_recording_in_the_documents_can_be_watched() {
    let ran = run(&["top", &documented("sweep.gsr"), "--speed", "max"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("counted instructions under emulation"), "{}", ran.stdout);
}

/// A file of the user's own in the usual place of a home.
fn configured(text: &str) -> (Recorded, PathBuf) {
    let recorded = Recorded::new(&whole());
    let folder = recorded.path(".config/grantscope");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), text).unwrap();
    let home = recorded.path("");
    (recorded, home)
}

fn run_at(home: &Path, args: &[&str]) -> Ran {
    run_in(args, &[], [("HOME", home.to_str().unwrap()), ("GRANTSCOPE_CONFIG", ""), ("XDG_CONFIG_HOME", "")])
}

#[test]
fn what_is_configured_is_shown_with_where_it_is_from_and_is_the_same_as_a_file() {
    let (recorded, home) =
        configured("ascii = \"always\"\ncolor = \"16\"\n[keys]\nfilter = [\"/\", \"Ctrl-f\"]\n[colours]\nbad = \"208\"\n");
    let shown = run_at(&home, &["config", "show", "--color", "256"]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    let file = recorded.path(".config/grantscope/config.toml");
    for (line, from) in [
        ("color = \"256\"", "option --color"),
        ("ascii = \"always\"", &format!("{}:1", file.display())),
        ("bad = \"208\"", &format!("{}:6", file.display())),
        ("filter = [\"/\", \"Ctrl-f\"]", &format!("{}:4", file.display())),
        ("quit = \"q\"", "built in"),
    ] {
        let is_it = |shown: &&str| shown.split_once("  # ").is_some_and(|(text, about)| text.trim_end() == line && about == from);
        assert!(shown.stdout.lines().any(|shown| is_it(&shown)), "{line} by {from}:\n{}", shown.stdout);
    }
    std::fs::write(recorded.path("again.toml"), &shown.stdout).unwrap();
    let again = run_at(&home, &["config", "show", "--config", recorded.path("again.toml").to_str().unwrap()]);
    let in_force = |text: &str| {
        text.lines().map(|line| line.split("  # ").next().unwrap().trim_end().to_owned()).skip(2).collect::<Vec<_>>()
    };
    assert_eq!(in_force(&again.stdout), in_force(&shown.stdout));
}

#[test]
fn a_mistake_in_the_configuration_is_a_line_with_its_place_before_anything_is_shown() {
    let (recorded, home) = configured("mouse = false\n[keys]\nsrot = \"o\"\n");
    let file = recorded.path(".config/grantscope/config.toml").display().to_string();
    let recording = recorded.path("recording.gsr").display().to_string();
    for args in [&["top", &recording, "--speed", "max"][..], &["config", "show"], &["shot", &recording, "--config", &file]] {
        let ran = run_at(&home, args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{args:?}");
        assert_eq!(ran.stderr, format!("grantscope: {file}:3:1: `srot` is no command: write sort\n"));
    }
    let elsewhere = run_at(&home, &["shot", &recording]);
    assert_eq!((elsewhere.code, elsewhere.stderr.as_str()), (0, ""), "a picture is the same everywhere");
}

#[test]
fn a_configuration_that_is_not_there_is_no_mistake_unless_it_was_named() {
    let recorded = Recorded::new(&whole());
    let ran = run_at(&recorded.path("nowhere"), &["config", "show"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("nowhere/.config/grantscope/config.toml: is not there (by $HOME)."), "{}", ran.stdout);
    let named = run_at(&recorded.path(""), &["config", "show", "--config", "/nowhere/config.toml"]);
    assert_eq!(named.code, 2);
    insta::assert_snapshot!(named.stderr, @"grantscope: /nowhere/config.toml: cannot be read; check the path: No such file or directory (os error 2) (--config names this file)");
    let folder = recorded.path("").display().to_string();
    let ran = run_at(&recorded.path(""), &["top", "--config", &folder]);
    assert!(ran.code == 2 && ran.stderr.contains("cannot be read") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
}
