//! The program as it is called: exit codes, and where its words go. Nothing here gets as far as a
//! device, so it is the same on a machine with Xen.

use std::process::{Command, Output};

fn workload(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_grantscope-workload")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn listing_succeeds_and_goes_to_standard_output() {
    let output = workload(&["list"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("sweep "));
    assert!(output.stderr.is_empty());
}

#[test]
fn wrong_usage_ends_with_2_and_goes_to_standard_error() {
    for arguments in [
        &["run", "--scenario", "swep", "--truth", "-"][..],
        &["run", "--pages", "0", "--truth", "-"],
        &["frontend"],
        &["sweep"],
        &[],
    ] {
        let output = workload(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_truth_file_that_cannot_be_opened_ends_with_1_before_anything_is_run() {
    let output = workload(&["run", "--truth", "/nowhere/at/all/truth.json"]);
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(text(&output.stderr), @"error: cannot open the truth file /nowhere/at/all/truth.json: No such file or directory (os error 2); nothing was run, give another place with --truth");
}

#[test]
fn a_scenario_file_is_shown_as_it_is_and_a_program_says_that_it_is_one() {
    let output = workload(&["show", "latency-1"]);
    assert_eq!(text(&output.stdout), include_str!("../scenarios/latency-1.toml"));
    assert!(text(&workload(&["show", "sweep"]).stdout).contains("It is a program, not a file"));
}

#[test]
fn checking_tells_every_mistake_and_ends_with_1_or_says_what_is_needed() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/latency-1.toml");
    let output = workload(&["check", file, "--set", "pages=3"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("needs 3 pages granted"), "{}", text(&output.stdout));
    assert_eq!(workload(&["check", "latency-1", "--set", "pages=3"]).stdout, output.stdout);
    assert!(text(&workload(&["check", "sweep"]).stderr).contains("a scenario that is a program has no file to check"));
    let output = workload(&["check", file, "--set", "pages=0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("latency-1.toml:18:27: $pages is 0, and this does not fit here"),
        "{}",
        text(&output.stderr)
    );
}

/// Two workers of sleeping steps only, which need no Xen: in each, one iteration of 200 stalls for 100 ms.
const STALL: &str = r#"
version = 1
name = "stall"
summary = "a planted stall"
imitates = "a back end that is not scheduled for 100 ms, once"
warmup = 0
iterations = 200
[parameters]
[[workers]]
name = "open"
pace = { rate_hz = 200 }
each = [{ sleep_ms = 1 }, { sleep_ms = 100, at = 50 }]
[[workers]]
name = "closed"
each = [{ sleep_ms = 1 }, { sleep_ms = 100, at = 50 }]
"#;

#[test]
fn a_planted_stall_shows_in_the_open_loops_p99_and_not_in_the_closed_loops() {
    let file = std::env::temp_dir().join(format!("grantscope-stall-{}.toml", std::process::id()));
    std::fs::write(&file, STALL).unwrap();
    let output = workload(&["run", "--scenario", file.to_str().unwrap(), "--truth", "-"]);
    std::fs::remove_file(&file).unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let truth: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let times = |worker: &str| {
        let loops = truth["loops"].as_array().unwrap();
        loops.iter().find(|times| times["worker"] == worker).unwrap().clone()
    };
    let (open, closed) = (times("open"), times("closed"));
    let ms = |ns: &serde_json::Value| ns.as_u64().unwrap() / 1_000_000;
    assert_eq!((&open["iterations"], &closed["iterations"]), (&200.into(), &200.into()));
    // Both had it, and only one of them tells by its p99 what it did to those who waited.
    assert!(ms(&open["service_ns"]["max"]) >= 100 && ms(&closed["service_ns"]["max"]) >= 100);
    assert!(ms(&open["response_ns"]["p99"]) >= 80, "{open}");
    assert!(ms(&closed["service_ns"]["p99"]) < 80, "{closed}");
    assert_eq!((&closed["pace"], &closed["response_ns"]), (&"closed".into(), &serde_json::Value::Null));
    assert!(open["missed"].as_u64().unwrap() >= 15, "{open}");
    assert!(said.contains("stall: open: open loop, one due every 5000.0 µs: 200 iterations"), "{said}");
    assert!(said.contains("stall: closed: closed loop: 200 iterations"), "{said}");
}

/// Runs a scenario file, interrupts it after a moment, and gives its truth.
fn interrupted(name: &str, file: &str) -> serde_json::Value {
    let path = std::env::temp_dir().join(format!("grantscope-{name}-{}.toml", std::process::id()));
    std::fs::write(&path, file).unwrap();
    let mut running = Command::new(env!("CARGO_BIN_EXE_grantscope-workload"))
        .args(["run", "--scenario", path.to_str().unwrap(), "--truth", "-"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(running.id() as i32), nix::sys::signal::Signal::SIGINT).unwrap();
    let mut truth = String::new();
    std::io::Read::read_to_string(running.stdout.as_mut().unwrap(), &mut truth).unwrap();
    let status = running.wait().unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(status.code(), Some(1));
    serde_json::from_str(&truth).unwrap()
}

#[test]
fn an_interrupted_run_says_so_in_its_truth_and_ends_soon() {
    let processes =
        STALL.replace("name = \"closed\"", "name = \"closed\"\nprocesses = 2").replace("iterations = 200", "duration_s = 600");
    let truth = interrupted("processes", &processes);
    assert_eq!(truth["ending"]["how"], "interrupted");
    // What the processes did until then is told too.
    assert!(truth["loops"].as_array().unwrap().iter().any(|times| times["worker"] == "closed"), "{}", truth["loops"]);
}

#[test]
fn threads_that_wait_for_an_arms_turn_end_too_when_others_are_interrupted_in_it() {
    let arms = STALL
        .replace("[parameters]", "[parameters]\nms = 1\nthreads = 1\n[arms]\nms = [1, 2]\nthreads = [1, 3]")
        .replace("name = \"closed\"", "name = \"closed\"\nthreads = \"$threads\"")
        .replace("{ sleep_ms = 1 }", "{ sleep_ms = \"$ms\" }")
        .replace("iterations = 200", "iterations = 1000000");
    let truth = interrupted("arms", &arms);
    assert_eq!(truth["ending"]["how"], "interrupted");
    let arms: Vec<_> = truth["arms"].as_array().unwrap().iter().map(|arm| arm.as_str().unwrap()).collect();
    assert_eq!(arms, ["ms=1,threads=1", "ms=1,threads=3", "ms=2,threads=1", "ms=2,threads=3"]);
}

#[test]
fn every_arm_has_as_many_turns_as_the_others_in_every_thread() {
    let arms = STALL
        .replace("[parameters]", "[parameters]\nthreads = 1\n[arms]\nthreads = [1, 3]")
        .replace("name = \"closed\"", "name = \"closed\"\nthreads = \"$threads\"")
        .replace("iterations = 200", "iterations = 5");
    let path = std::env::temp_dir().join(format!("grantscope-turns-{}.toml", std::process::id()));
    std::fs::write(&path, arms).unwrap();
    let output = workload(&["run", "--scenario", path.to_str().unwrap(), "--truth", "-"]);
    std::fs::remove_file(&path).unwrap();
    let truth: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let turns = |worker: &str, arm: &str| {
        let loops = truth["loops"].as_array().unwrap();
        loops.iter().find(|times| times["worker"] == worker && times["arm"] == arm).unwrap()["iterations"].as_u64().unwrap()
    };
    assert_eq!((turns("open", "threads=1"), turns("open", "threads=3")), (5, 5));
    assert_eq!((turns("closed", "threads=1"), turns("closed", "threads=3")), (5, 15));
}
