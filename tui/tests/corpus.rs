//! Every command that reads a recording, on every file of `cases/`: in a pipe, on a closed pipe, in little memory.

mod in_little_memory;
mod support;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use grantscope_analysis::model::{Environment, Frames, HeldBy, Holder, LiveMap, MapState, MapsReport};
use grantscope_analysis::recording::Frame;
use in_little_memory::{READERS, TRUTH, arguments, assert_ended_well, command, folder};
use support::builder;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "gsr")).collect();
    cases.sort();
    cases
}

fn case(name: &str) -> PathBuf {
    cases().into_iter().find(|path| path.ends_with(name)).expect("a file of tests/cases")
}

#[test]
fn every_reader_ends_well_on_every_case() {
    let folder = folder();
    for recording in cases() {
        for args in READERS {
            let what = format!("{} {}", args.join(" "), recording.file_name().unwrap().display());
            let named = command(arguments(args, recording.to_str().unwrap()), &folder).output().unwrap();
            assert_ended_well(&named, &what);
            let piped = command(arguments(args, "-"), &folder).stdin(File::open(&recording).unwrap()).output().unwrap();
            assert_ended_well(&piped, &format!("{what} through -"));
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error_and_nothing_is_said_of_it() {
    let folder = folder();
    for recording in cases() {
        for args in READERS {
            let what = format!("{} {}", args.join(" "), recording.file_name().unwrap().display());
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut closed = command(arguments(args, recording.to_str().unwrap()), &folder);
            let output = closed.stdout(writer).stderr(Stdio::piped()).output().unwrap();
            assert_ended_well(&output, &what);
            assert!(!String::from_utf8_lossy(&output.stderr).contains("ipe"), "{what}: {output:?}");
        }
    }
}

/// The last digit counts, and so does what is more than a duration can be.
#[test]
fn numbers_are_exact_up_to_the_largest_and_sums_beyond() {
    let folder = folder();
    let sums = |name: &str| {
        let output = command(arguments(&["export", "@"], case(name).to_str().unwrap()), &folder).output().unwrap();
        let mut reader = csv::Reader::from_reader(&output.stdout[..]);
        let headers = reader.headers().unwrap().clone();
        let column = |name| headers.iter().position(|header| header == name).unwrap();
        let (stage, max, sum) = (column("stage"), column("max_ns"), column("sum_ns"));
        let rows = reader.records().map(|row| row.unwrap()).filter(|row| &row[stage] == "total");
        rows.map(|row| (row[max].parse::<u64>().unwrap(), row[sum].parse::<u128>().unwrap())).collect::<Vec<_>>()
    };
    assert!(sums("c2_p53.gsr").iter().any(|&(_, sum)| sum == (1 << 53) + 1), "{:?}", sums("c2_p53.gsr"));
    assert!(sums("maxdur.gsr").iter().any(|&(max, _)| max == u64::MAX), "{:?}", sums("maxdur.gsr"));
    assert!(sums("c2_over.gsr").iter().any(|&(_, sum)| sum > u128::from(u64::MAX)), "{:?}", sums("c2_over.gsr"));
}

/// As `escapes.gsr`, with what the committed case has none of: C1, DEL, other directions, wide and combining characters.
#[test]
fn what_is_obeyed_in_other_ways_is_shown_too() {
    let name = "\u{9b}2J\u{7f}\u{202e}\u{2028}計測e\u{301}";
    let environment = Environment { run: name.into(), host: name.into(), xen: Some(name.into()), ..builder::environment() };
    let live = LiveMap {
        id: 1,
        allocated_ns: Some(1),
        owner: Some(7),
        comm: name.into(),
        domid: None,
        buffer: None,
        pages: 1,
        state: MapState::Mapped,
        owner_gone_ns: Some(2),
        holders: vec![Holder { tgid: 8, comm: name.into(), by: HeldBy::DmaBuf }],
        frames: Some(Frames { pfn_runs: 1, bfn_runs: 1, split_runs: 1, longest_split_pages: 1, same_pages: None }),
        allocator: None,
    };
    let maps = MapsReport { at_ns: 9_000_000_000, changed: vec![live], no_census: Some(name.into()), ..MapsReport::default() };
    let frames = [Frame::Environment(environment), Frame::Maps(maps), Frame::End { at_ns: 9_000_000_000 }];
    let folder = folder();
    fs::write(folder.path().join("s.gsr"), builder::bytes(&frames)).unwrap();
    for args in READERS {
        let output = command(arguments(args, "s.gsr"), &folder).output().unwrap();
        assert_ended_well(&output, &args.join(" "));
    }
    let maps = command(arguments(&["maps", "@"], "s.gsr"), &folder).output().unwrap();
    assert!(String::from_utf8(maps.stdout).unwrap().contains(r"\u{9b}2J\u{7f}\u{202e}\u{2028}計測"));
}

/// What a command says of a case.
fn said(args: &[&str], name: &str) -> String {
    let output = command(arguments(args, case(name).to_str().unwrap()), &folder()).output().unwrap();
    assert_ended_well(&output, name);
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_would_be_obeyed_is_shown_and_ends_no_line() {
    for args in [&["summary", "@"], &["export", "@"]] {
        assert!(said(args, "escapes.gsr").contains(r"\u{1b}"), "{args:?}: {}", said(args, "escapes.gsr"));
    }
    assert!(said(&["top", "@", "--speed", "max"], "escapes.gsr").contains(r"run "));
    let judged = said(&["judge", "@", "truth"], "escapes.gsr");
    assert!(judged.contains(r"map\u{1b}[31m wc\n 1 pages ok\u{7}: recorded 0, truth 1"), "{judged}");
}

#[test]
fn an_error_is_one_line_whatever_it_quotes() {
    let folder = folder();
    let name = "x\x1b[2J\ny.gsr";
    for args in [&["summary", "@"][..], &["export", "@", "-o", "a\nb/c"], &["judge", "@", "truth"], &["top", "@"]] {
        let output = command(arguments(args, name), &folder).output().unwrap();
        assert_ended_well(&output, &args.join(" "));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.lines().count() == 1, "{args:?}: {said}");
    }
    let quoting = TRUTH.replace("\"duration_ns\"", "\"dur\\u001b[2J\\nation\"").replace("complete", "\\u001b");
    fs::write(folder.path().join("truth"), quoting).unwrap();
    let output = command(arguments(&["judge", "@", "truth"], case("empty.gsr").to_str().unwrap()), &folder).output().unwrap();
    assert_ended_well(&output, "columns that are none");
    assert!(String::from_utf8_lossy(&output.stderr).contains(r"dur\u{1b}[2J\nation"), "{output:?}");
}

#[test]
fn commands_that_are_not_utf_8_are_commands() {
    let folder = folder();
    let name = OsString::from_vec(b"x\xff".to_vec());
    fs::write(folder.path().join(&name), "true").unwrap();
    let record = |output: &OsString| {
        let args = ["record".into(), "-o".into(), output.clone(), "--".into(), "sh".into(), name.clone()];
        let output = command(args, &folder).output().unwrap();
        assert_ended_well(&output, "a command that is not UTF-8");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(record(&name).contains("is also `x\u{fffd}` of COMMAND"));
    // The command line is accepted, and what is missing is said next: nothing is recorded here.
    let refused = record(&"run.gsr".into());
    assert!(["without the probes", "needs root", "under Xen"].iter().any(|why| refused.contains(why)), "{refused}");
}

#[test]
fn names_that_are_not_utf_8_are_names() {
    let folder = folder();
    let name = OsString::from_vec(b"x\xff.gsr".to_vec());
    fs::copy(case("g3.gsr"), folder.path().join(&name)).unwrap();
    let lines: [&[&str]; 4] = [&["summary", "@"], &["export", "@"], &["maps", "@"], &["top", "@", "--speed", "max"]];
    for args in lines {
        let args: Vec<OsString> = args.iter().map(|&arg| if arg == "@" { name.clone() } else { arg.into() }).collect();
        let output = command(args, &folder).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let missing = OsString::from_vec(b"y\xff".to_vec());
    for args in [vec!["summary".into(), missing.clone()], vec!["judge".into(), name.clone(), missing.clone()]] {
        let output = command(args, &folder).output().unwrap();
        assert_ended_well(&output, "a name that is not UTF-8");
        assert!(String::from_utf8_lossy(&output.stderr).contains("y\u{fffd}: cannot be"), "{output:?}");
    }
}

#[test]
fn a_name_that_is_too_long_is_cut_with_a_mark() {
    for args in [&["summary", "@"][..], &["top", "@", "--speed", "max"]] {
        let said = said(args, "longcaller.gsr");
        assert!(said.contains('…') && said.lines().all(|line| line.chars().count() < 300), "{args:?}");
    }
    assert!(said(&["export", "@"], "longcaller.gsr").len() > 65_000);
}

#[test]
fn sums_that_no_number_holds_stop_at_the_largest_and_say_so() {
    let summary = said(&["summary", "@"], "lossmax.gsr");
    assert!(summary.contains("at least 18446744073709551615 lost"), "{summary}");
    let maps = said(&["maps", "@"], "ledgermax.gsr");
    assert!(maps.lines().any(|line| line.contains(" hold ")), "{maps}");
}

#[test]
fn nothing_is_no_success() {
    let folder = folder();
    let empty = TRUTH.split_once("\"calls\":[").unwrap().0.to_owned() + "\"calls\":[]}";
    fs::write(folder.path().join("truth"), empty).unwrap();
    let output = command(arguments(&["judge", "@", "truth"], case("empty.gsr").to_str().unwrap()), &folder).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("nothing was compared"), "{output:?}");
    let summary = said(&["summary", "@"], "empty.gsr");
    assert!(summary.contains("no operation was recorded: nobody mapped"), "{summary}");
}

#[test]
fn what_is_more_than_one_recording_is_said_and_what_came_before_is_used() {
    let folder = folder();
    let twice = [fs::read(case("g3.gsr")).unwrap(), fs::read(case("g3.gsr")).unwrap()].concat();
    fs::write(folder.path().join("twice.gsr"), twice).unwrap();
    let second = case("twoenv.gsr").display().to_string();
    for (file, why) in [("twice.gsr", "another recording begins after the end"), (&second, "(a second environment)")] {
        for args in
            [&["summary", "@"][..], &["export", "@"], &["maps", "@"], &["top", "@", "--speed", "max"], &["judge", "@", "truth"]]
        {
            let output = command(arguments(args, file), &folder).output().unwrap();
            let expected = if args[0] == "judge" { 3 } else { 4 };
            assert_eq!(output.status.code(), Some(expected), "{args:?} {file}: {output:?}");
            assert!(String::from_utf8_lossy(&output.stderr).contains(why), "{args:?} {file}: {output:?}");
        }
    }
}

/// A line that its reader has not set to raw mode changes bytes, and echoes them.
#[test]
fn a_serial_line_is_read_as_it_comes() {
    let line = nix::pty::openpty(None, None).unwrap();
    let path = nix::unistd::ttyname(&line.slave).unwrap();
    let folder = folder();
    let child = command(arguments(&["top", "@", "--speed", "max"], path.to_str().unwrap()), &folder);
    let child = { child }.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let is_raw =
        || !nix::sys::termios::tcgetattr(&line.slave).unwrap().local_flags.contains(nix::sys::termios::LocalFlags::ICANON);
    while !is_raw() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    File::from(line.master.try_clone().unwrap()).write_all(&fs::read(case("g3.gsr")).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_ended_well(&output, "a serial line");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.ends_with(&said(&["summary", "@"], "g3.gsr")), "{summary}");
}

#[test]
fn what_takes_years_is_said_in_years() {
    let summary = said(&["summary", "@"], "maxdur.gsr");
    assert!(summary.contains(" yr") && !summary.contains("000000 s"), "{summary}");
}

/// A figure is whole, or has a mark where it is cut: `36893488` of 36893488147419103230 is neither.
#[test]
fn no_figure_is_cut_in_its_middle_in_any_view() {
    for name in ["maxdur.gsr", "c1_max.gsr", "c1_mix.gsr", "c2_over.gsr", "lossmax.gsr"] {
        for view in ["table", "where", "shape", "time", "slowest", "errors", "probes"] {
            for size in ["80x24", "160x48"] {
                let screen = said(&["shot", "@", "--view", view, "--size", size], name);
                let words: Vec<_> = screen.split_whitespace().collect();
                // These are durations of these recordings, and nothing else is there of which there are as many.
                for (number, unit) in words.iter().zip(words.iter().skip(1)) {
                    let is_duration = ["585", "390", "341", "292"].contains(&number.trim_start_matches('~'));
                    assert!(
                        !is_duration || unit.trim_end_matches(|end: char| !end.is_alphabetic()) == "yr",
                        "{name} {view}: {number} {unit}\n{screen}"
                    );
                }
                // No time has as many digits; what has is a loss that is at least so much.
                let long = words.iter().filter(|word| word.chars().filter(char::is_ascii_digit).count() > 9);
                assert!(long.clone().all(|word| *word == u64::MAX.to_string()), "{name} {view}: {long:?}\n{screen}");
            }
        }
    }
}

#[test]
fn a_spreadsheet_gets_no_formula() {
    let cells = |args: &[&str]| {
        let csv = said(args, "formula.gsr");
        csv.lines().skip(1).flat_map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    let is_formula = |cell: &String| cell.starts_with(['=', '+', '-', '@']);
    assert!(cells(&["export", "@"]).iter().any(is_formula));
    let guarded = cells(&["export", "@", "--spreadsheet"]);
    assert!(!guarded.iter().any(is_formula) && guarded.iter().any(|cell| cell.starts_with("'=")), "{guarded:?}");
}
