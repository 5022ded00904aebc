//! `grantscope merge` on recordings and CSVs: what adds up and what stays apart, and what is never merged in silence.

mod support;

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use grantscope_analysis::model::Environment;
use grantscope_analysis::recording::Frame;
use grantscope_wire::{Buffer, Op, Stage};
use support::builder::{bytes, environment, operation};
use tempfile::TempDir;

struct Folder(TempDir);

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Folder {
    /// With two recordings of one name, one of another, and the CSV of the first.
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        for (file, name, first_ns) in [("a.gsr", "board", 1_000), ("b.gsr", "board", 9_000), ("c.gsr", "other", 5_000)] {
            fs::write(folder.path(file), bytes(&recording(name, first_ns))).unwrap();
        }
        assert_eq!(folder.run(&["export", "a.gsr", "-o", "a.csv"]).code, 0);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Ran {
        let output = Command::cargo_bin("grantscope").unwrap().current_dir(self.0.path()).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// What a merge that goes well writes.
    fn merge(&self, args: &[&str]) -> String {
        let ran = self.run(&[&["merge"], args].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
        ran.stdout
    }
}

fn recording(name: &str, first_ns: u64) -> Vec<Frame> {
    let export = |i| operation(Op::Export, Buffer::Wc, 16, 10 + i, &[(Stage::DmaAlloc, first_ns + i)]);
    let named = |environment: Environment| Environment { run: name.to_owned(), ..environment };
    vec![
        Frame::Environment(named(environment())),
        Frame::Operations((0..60).map(export).collect()),
        Frame::End { at_ns: 1 << 40 },
    ]
}

/// Some columns of the totals.
fn totals(table: &str, columns: &[&str]) -> Vec<Vec<String>> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap_or_else(|| panic!("no column {name}"));
    let rows = reader.records().map(Result::unwrap).filter(|row| &row[place("stage")] == "total");
    rows.map(|row| columns.iter().map(|name| row[place(name)].to_owned()).collect()).collect()
}

#[test]
fn runs_of_one_name_add_up_and_quantiles_are_of_the_sum() {
    let folder = Folder::new();
    let columns = ["run", "count", "min_ns", "p50_ns", "p90_ns", "max_ns"];
    let all = folder.merge(&["a.gsr", "b.gsr", "c.gsr"]);
    let rows = totals(&all, &columns);
    assert_eq!(
        rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect::<Vec<_>>(),
        [("board", "120"), ("other", "60")]
    );
    // Half of them are the short ones: an average of both medians is a time that no export took.
    let ns = |column: usize| rows[0][column].parse::<u64>().unwrap();
    assert!(ns(2) < 2_000 && ns(3) < 2_000 && ns(4) > 9_000 && ns(5) > 9_000, "{rows:?}");
    for order in [["c.gsr", "a.gsr", "b.gsr"], ["b.gsr", "c.gsr", "a.csv"]] {
        assert_eq!(folder.merge(&order), all);
    }
}

#[test]
fn a_folder_stands_for_its_recordings_and_never_for_their_tables() {
    let folder = Folder::new();
    let all = folder.merge(&["a.gsr", "b.gsr", "c.gsr"]);
    assert_eq!(folder.merge(&["."]), all);
    // As `bench` leaves them.
    for (run, file) in [("monday", "a.gsr"), ("tuesday", "b.gsr")] {
        fs::create_dir(folder.path(run)).unwrap();
        fs::copy(folder.path(file), folder.path(run).join("recording.gsr")).unwrap();
        fs::write(folder.path(run).join("results.csv"), "no table").unwrap();
    }
    fs::remove_file(folder.path("a.gsr")).unwrap();
    assert_eq!(folder.merge(&["monday", "tuesday", "c.gsr"]), all);
    let ran = folder.run(&["merge", "monday", "monday/recording.gsr"]);
    assert!(ran.code == 1 && ran.stderr.contains("is given twice"), "{}", ran.stderr);
}

#[test]
fn one_run_is_its_export_and_its_csv_is_the_same_as_itself() {
    let folder = Folder::new();
    let exported = fs::read_to_string(folder.path("a.csv")).unwrap();
    assert_eq!((folder.merge(&["a.gsr"]), folder.merge(&["a.csv"])), (exported.clone(), exported));
}

#[test]
fn tags_are_columns_that_travel() {
    let folder = Folder::new();
    for (run, board) in [("a.gsr", "board=rcar,branch=x"), ("b.gsr", "board=imx")] {
        folder.merge(&[run, "--tag", board, "-o", &format!("{}.csv", &board[6..9])]);
    }
    let both = folder.merge(&["rca.csv", "imx.csv"]);
    let rows = totals(&both, &["tag_board", "tag_branch", "count"]);
    assert_eq!(rows, [["imx", "", "60"], ["rcar", "x", "60"]]);
    let ran = folder.run(&["merge", "rca.csv", "--tag", "board=imx"]);
    assert!(ran.code == 1 && ran.stderr.contains("rca.csv: board: is tagged board=rcar already"), "{}", ran.stderr);
    for wrong in ["board", "Board=x", "=x", "board=", "tag-board=x"] {
        assert_eq!(folder.run(&["merge", "a.gsr", "--tag", wrong]).code, 2, "{wrong}");
    }
    let ran = folder.run(&["merge", "a.gsr", "--tag", "board=x,board=y"]);
    assert!(ran.code == 1 && ran.stderr.contains("--tag board: is given twice"), "{}", ran.stderr);
}

#[test]
fn nothing_counts_twice_in_silence() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("a.gsr", folder.path("link.gsr")).unwrap();
    for again in ["a.gsr", "./a.gsr", "link.gsr"] {
        let ran = folder.run(&["merge", "a.gsr", again]);
        assert!(ran.code == 1 && ran.stderr.contains("is given twice"), "{again}: {}", ran.stderr);
    }
    let ran = folder.run(&["merge", "a.gsr", "a.csv"]);
    assert!(ran.code == 0 && ran.stderr.contains("a.gsr and a.csv have the very same operations"), "{}", ran.stderr);
}

#[test]
fn no_input_is_the_output() {
    let folder = Folder::new();
    for input in ["a.gsr", "a.csv"] {
        let before = fs::read(folder.path(input)).unwrap();
        let ran = folder.run(&["merge", "b.gsr", input, "-o", input]);
        assert!(ran.code == 1 && ran.stderr.contains("is one of the files that are read"), "{}", ran.stderr);
        assert_eq!(fs::read(folder.path(input)).unwrap(), before);
    }
}

#[test]
fn what_cannot_be_merged_is_said() {
    let folder = Folder::new();
    let whole = bytes(&recording("board", 3_000));
    fs::write(folder.path("half.gsr"), &whole[..whole.len() - 6]).unwrap();
    let ran = folder.run(&["merge", "a.gsr", "half.gsr"]);
    assert!(ran.code == 4 && ran.stderr.contains("half.gsr: "), "{} {}", ran.code, ran.stderr);
    fs::write(folder.path("empty.gsr"), bytes(&recording("board", 1)[..1])).unwrap();
    let text = fs::read_to_string(folder.path("a.csv")).unwrap();
    fs::write(folder.path("wrong.csv"), text.replace(",export,", ",exprot,")).unwrap();
    fs::create_dir(folder.path("none")).unwrap();
    fs::write(folder.path("lacks.csv"), text.replacen(",count,", ",counts,", 1)).unwrap();
    for (args, words) in [
        (&["empty.gsr"][..], "empty.gsr: has no rows"),
        (&["wrong.csv"], "wrong.csv: line 2, column op: `exprot` is not known"),
        (&["lacks.csv"], "lacks.csv: it is no results.csv: it has no column count"),
        (&["a.csv", "--raw"], "a.csv: a CSV has the times that it was exported with"),
        (&["none"], "none: has no recordings (*.gsr)"),
    ] {
        let ran = folder.run(&[&["merge"], args].concat());
        assert!(ran.code == 1 && ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
    }
    fs::write(folder.path("further.csv"), text.replacen(",clock,", ",mine,", 1)).unwrap();
    let ran = folder.run(&["merge", "further.csv"]);
    assert!(ran.code == 0 && ran.stderr.contains("further.csv: column mine is none that is merged"), "{}", ran.stderr);
}

#[test]
fn recordings_that_were_not_watched_alike_do_not_add_up() {
    let folder = Folder::new();
    let mut other = recording("board", 7_000);
    let Frame::Environment(environment) = &mut other[0] else { panic!("no environment") };
    environment.hooks.pop();
    fs::write(folder.path("fewer.gsr"), bytes(&other)).unwrap();
    let ran = folder.run(&["merge", "a.gsr", "fewer.gsr"]);
    assert!(ran.code == 1 && ran.stderr.contains("fewer.gsr: board: is there with attach"), "{}", ran.stderr);
}
