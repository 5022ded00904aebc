//! What is watched is written, with marks between the frames: a pipe in, keys on a terminal, and a recording out.

mod pty;
mod support;

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use grantscope_analysis::model::Mark;
use grantscope_analysis::recording::{Frame, ReadError, Reader};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use pty::{LEAVE, RECORDING, Viewer};
use support::{builder, synthetic};
use tempfile::TempDir;

/// A folder with a pipe.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        mkfifo(&folder.path().join("pipe"), Mode::from_bits_truncate(0o600)).unwrap();
        Self { folder }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn name(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    /// Begins to write into the pipe; what comes next is for who keeps it.
    fn feed(&self, frames: &[Frame]) -> thread::JoinHandle<File> {
        let (pipe, bytes) = (self.at("pipe"), builder::bytes(frames));
        thread::spawn(move || {
            let mut pipe = OpenOptions::new().write(true).open(pipe).unwrap();
            pipe.write_all(&bytes).unwrap();
            pipe
        })
    }

    fn watched(&self, options: &[&str], lines: u16) -> Viewer {
        Viewer::of(&self.name("pipe"), options, "C.UTF-8", lines, 120)
    }
}

fn read(path: &Path) -> (Vec<Frame>, Option<ReadError>) {
    read_bytes(&fs::read(path).unwrap())
}

fn read_bytes(bytes: &[u8]) -> (Vec<Frame>, Option<ReadError>) {
    let (mut reader, mut frames) = (Reader::open(bytes).unwrap(), Vec::new());
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error)),
        }
    }
}

fn grantscope(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_grantscope")).args(args).output().unwrap()
}

/// Ends the view, once it is seen that the terminal is given back.
fn quit(viewer: Viewer) -> (Option<i32>, String) {
    viewer.press("q");
    viewer.until(|shown| shown.contains(LEAVE));
    let shown = viewer.shown.clone();
    let code = viewer.end().code();
    // What stands behind comes at once, but in another thread.
    thread::sleep(std::time::Duration::from_millis(200));
    let all = shown.lock().unwrap().clone();
    (code, all)
}

fn marks(frames: &[Frame]) -> Vec<Mark> {
    frames.iter().filter_map(|frame| if let Frame::Mark(mark) = frame { Some(mark.clone()) } else { None }).collect()
}

#[test]
fn what_is_watched_is_written_as_it_came_with_marks_also_while_the_display_is_held() {
    let place = Place::new();
    fs::write(place.at("out.gsr"), "GSREC\nan earlier recording").unwrap();
    let frames = synthetic::complete(3);
    let first = &frames[..frames.len() / 2];
    let feeding = place.feed(first);
    let out = place.name("out.gsr");
    let viewer = place.watched(&["-o", &out], 40);
    let mut pipe = feeding.join().unwrap();
    viewer.until_repainted("written to");
    viewer.press("mcable out\r");
    viewer.until_repainted("cable out, written to");
    viewer.press(" m\r");
    viewer.until_repainted("mark 2, written to");
    // The rest of the same recording, without its beginning.
    let whole = builder::bytes(&frames);
    let begun = builder::bytes(first).len();
    assert_eq!(builder::bytes(first), whole[..begun]);
    pipe.write_all(&whole[begun..]).unwrap();
    drop(pipe);
    viewer.until_repainted("ENDED");
    viewer.press("mtoo late\r");
    viewer.until_repainted("too late, in this view alone: the recording has ended");
    assert_eq!(quit(viewer).0, Some(0));
    let (written, error) = read(&place.at("out.gsr"));
    assert!(error.is_none(), "{error:?}");
    let made = marks(&written);
    assert_eq!(made.iter().map(Mark::name).collect::<Vec<_>>(), ["cable out", "mark 2"]);
    assert!(made.iter().all(|mark| mark.at_ns() > synthetic::BEGAN_NS && mark.at_ns() <= synthetic::BEGAN_NS + 2_000_000_000));
    let others: Vec<_> = written.into_iter().filter(|frame| !matches!(frame, Frame::Mark(_))).collect();
    assert_eq!(others, read_bytes(&whole).0, "all frames that came, in their order");
    let summary = String::from_utf8(grantscope(&["summary", &out]).stdout).unwrap();
    let lines: Vec<_> = summary.lines().filter(|line| line.starts_with("mark ")).collect();
    assert!(lines.len() == 2 && lines[0].ends_with(" s: cable out") && lines[1].ends_with(" s: mark 2"), "{summary}");
    let exported = String::from_utf8(grantscope(&["export", "--format", "marks", &out]).stdout).unwrap();
    let rows: Vec<Vec<&str>> = exported.lines().skip(1).map(|row| row.split(',').collect()).collect();
    let times = made.iter().map(|mark| vec![mark.name().to_owned(), mark.at_ns().to_string()]);
    assert!(rows.iter().map(|row| row[1..3].to_vec()).eq(times), "{exported}");
    let merged = grantscope(&["merge", &out]);
    let said = String::from_utf8(merged.stderr).unwrap();
    assert!(merged.status.success() && said.contains(": 2 marks left out, because rows are about whole runs"), "{said}");
    let report = String::from_utf8(grantscope(&["top", &out, "--speed", "max"]).stdout).unwrap();
    assert!(report.contains(&format!("{}\n", lines[0])), "reports as text say it too: {report}");
}

#[test]
fn who_quits_ends_the_recording_and_an_input_that_is_cut_short_leaves_one_that_is() {
    for quits in [true, false] {
        let place = Place::new();
        let frames = synthetic::frames(1);
        let feeding = place.feed(&frames);
        let viewer = place.watched(&["-o", &place.name("out.gsr")], 40);
        let pipe = feeding.join().unwrap();
        // The last of its frames.
        viewer.until_repainted("after 1.00 s");
        if !quits {
            drop(pipe);
            viewer.until_repainted("CUT SHORT");
        }
        assert_eq!(quit(viewer).0, Some(if quits { 0 } else { 4 }));
        let (written, error) = read(&place.at("out.gsr"));
        let end = Frame::End { at_ns: synthetic::BEGAN_NS + 1_000_000_000 };
        assert_eq!((error.is_none(), written.last() == Some(&end)), (quits, quits), "{error:?}");
        assert_eq!(written.len(), frames.len() + usize::from(quits));
    }
}

#[test]
fn a_full_disk_is_said_on_the_screen_and_at_the_end_and_watching_goes_on() {
    let place = Place::new();
    let frames = synthetic::frames(2);
    let first = &frames[..frames.len() / 2];
    let feeding = place.feed(first);
    let viewer = place.watched(&["-o", "/dev/full"], 40);
    let mut pipe = feeding.join().unwrap();
    pipe.write_all(&builder::bytes(&frames)[builder::bytes(first).len()..]).unwrap();
    viewer.until_repainted("NOT WRITTEN to /dev/full: No space left on device");
    viewer.until_repainted("after 2.00 s");
    viewer.press("mname\r");
    viewer.until_repainted("in this view alone: /dev/full cannot be written");
    let (code, shown) = quit(viewer);
    assert_eq!(code, Some(1));
    assert!(shown.contains("/dev/full: is cut short, it could not be written to its end (No space left on device"), "{shown}");
    // Without a terminal it is said too.
    let feeding = place.feed(&synthetic::complete(1));
    let output = grantscope(&["top", &place.name("pipe"), "--output", "/dev/full"]);
    drop(feeding.join().unwrap());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("/dev/full: is cut short"));
    assert!(String::from_utf8(output.stdout).unwrap().contains(" operations, 0 lost"), "the summary is there all the same");
}

#[test]
fn what_is_only_played_or_read_or_is_the_screen_is_not_written_to() {
    let place = Place::new();
    let [pipe, out, copy] = ["pipe", "out.gsr", "copy.gsr"].map(|name| place.name(name));
    fs::copy(RECORDING, &copy).unwrap();
    for (args, why) in [
        ([&*copy, &*out], "is a recording already, which is only played"),
        ([&copy, &copy], "is a recording already"),
        ([&pipe, &pipe], "is what is watched"),
        ([&pipe, "-"], "standard output has the view and the summary"),
    ] {
        let output = grantscope(&["top", args[0], "-o", args[1]]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.contains(why)), (Some(2), true), "{args:?}: {said}");
    }
    assert!(!place.at("out.gsr").exists());
    let onto_itself = Command::new(env!("CARGO_BIN_EXE_grantscope"))
        .args(["top", "-", "-o", &copy])
        .stdin(File::open(&copy).unwrap())
        .output()
        .unwrap();
    assert!(String::from_utf8(onto_itself.stderr).unwrap().contains("is also standard input"));
    assert_eq!(fs::read(&copy).unwrap(), fs::read(RECORDING).unwrap());
}

#[test]
fn what_is_no_recording_is_not_replaced_by_one() {
    let place = Place::new();
    let out = place.name("notes.txt");
    for (before, code) in [("n", 2), ("notes of a week", 2), ("", 0), ("GSREC\n", 0)] {
        fs::write(&out, before).unwrap();
        let feeding = (code == 0).then(|| place.feed(&synthetic::complete(1)));
        let output = grantscope(&["top", &place.name("pipe"), "-o", &out]);
        feeding.into_iter().for_each(|feeding| drop(feeding.join().unwrap()));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{before:?}: {said}");
        if code == 2 {
            assert!(said.contains("is no recording, and stays as it is; give another file"), "{said}");
            assert_eq!(fs::read_to_string(&out).unwrap(), before);
        } else {
            assert!(fs::read(&out).unwrap().len() > before.len());
        }
    }
}

#[test]
fn what_comes_out_of_a_file_through_a_pipe_does_not_take_its_place() {
    let place = Place::new();
    let frames = synthetic::complete(1);
    let out = place.name("out.gsr");
    let watched = |out: &str| {
        let feeding = place.feed(&frames);
        let output = grantscope(&["top", &place.name("pipe"), "-o", out]);
        drop(feeding.join().unwrap());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(watched(&out), (Some(0), String::new()));
    let before = fs::read(&out).unwrap();
    let (code, said) = watched(&out);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("is as it was, nothing was written (it has a recording of this run already); give -o another file"),
        "{said}"
    );
    assert_eq!(fs::read(&out).unwrap(), before);
    // Of another run it is overwritten, as ever.
    let mut other = frames.clone();
    other.iter_mut().for_each(|frame| {
        if let Frame::Environment(environment) = frame {
            environment.started_unix_ms += 1;
        }
    });
    fs::write(&out, builder::bytes(&other)).unwrap();
    assert_eq!(watched(&out), (Some(0), String::new()));
    assert_eq!(fs::read(&out).unwrap(), before);
}

#[test]
fn of_two_viewers_who_write_one_file_the_second_is_refused_and_the_first_goes_on() {
    let place = Place::new();
    let frames = synthetic::frames(1);
    let feeding = place.feed(&frames);
    let out = place.name("out.gsr");
    let first = place.watched(&["-o", &out], 40);
    let pipe = feeding.join().unwrap();
    first.until_repainted("after 1.00 s");
    let second = Command::new(env!("CARGO_BIN_EXE_grantscope")).args(["top", "-", "-o", &out]).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(
        said.contains(
            "out.gsr: cannot be written; give -o another file, or end the other one first: another process is writing it"
        ),
        "{said}"
    );
    assert_eq!(quit(first).0, Some(0));
    drop(pipe);
    let (written, error) = read(&place.at("out.gsr"));
    let came = read_bytes(&builder::bytes(&frames)).0;
    assert!(error.is_none() && written[..came.len()] == came, "{error:?}");
}

#[test]
fn a_mark_in_a_replay_is_in_the_view_alone_and_says_so() {
    let viewer = Viewer::on(24, 80);
    viewer.press("mhere\r");
    viewer.until_repainted("here, in this view alone");
    viewer.press("TK");
    viewer.until_repainted("marks: here at 1");
    let (code, shown) = quit(viewer);
    assert_eq!(code, Some(0));
    assert!(
        shown.lines().any(|line| line.starts_with("mark at 1") && line.trim_end().ends_with(" s: here")),
        "the summary has it: {shown}"
    );
}
