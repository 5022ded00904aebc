//! The program as it is called: exit codes, and where its words go. Nothing here gets as far as a
//! device, so it is the same on a machine with Xen.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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
fn a_reader_that_has_seen_enough_is_no_error() {
    for arguments in [&["list"][..], &["show", "sweep"], &["check", "sweep"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_grantscope-workload"));
        let output = command.args(arguments).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{arguments:?}");
    }
}

#[test]
fn what_a_terminal_obeys_is_shown_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let named = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/latency-1.toml")).unwrap();
    let said = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_grantscope-workload")).arg("check").arg(file).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(!said.chars().any(|character| character.is_control() && character != '\n'), "{said:?}");
        said
    };
    let summary = named.lines().find(|line| line.starts_with("summary")).unwrap();
    let hostile = named.replace(summary, r#"summary = "clear \u001b[2J, ring \u0007\r.""#);
    let described = said("hostile.toml", &hostile);
    assert!(described.contains(r"clear \u{1b}[2J, ring \u{7}\r."), "{described}");
    let refused = said(
        "wrong\x1b[2J.toml",
        &named.replace(
            summary,
            r#"summary = "s"
"a\u001b\nb" = 1"#,
        ),
    );
    assert!(refused.contains(r"wrong\u{1b}[2J.toml:") && refused.contains(r"\u{1b}\nb"), "{refused}");
}

#[test]
fn names_that_are_not_utf_8_are_names() {
    let folder = tempfile::tempdir().unwrap();
    let name = |bytes: &[u8]| folder.path().join(OsStr::from_bytes(bytes));
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/latency-1.toml"), name(b"s\xff.toml")).unwrap();
    let program = || Command::new(env!("CARGO_BIN_EXE_grantscope-workload"));
    assert_eq!(program().arg("check").arg(name(b"s\xff.toml")).output().unwrap().status.code(), Some(0));
    // Without Xen the run fails, and says so in its truth.
    let ran = program()
        .args(["run", "--self", "--scenario"])
        .arg(name(b"s\xff.toml"))
        .arg("--truth")
        .arg(name(b"t\xff.json"))
        .output()
        .unwrap();
    assert!(ran.status.code().is_some_and(|code| code < 2) && !text(&ran.stderr).contains("panicked"), "{ran:?}");
    let truth = std::fs::read_to_string(name(b"t\xff.json")).unwrap();
    assert!(truth.contains("t\u{fffd}.json"), "{truth}");
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
fn a_scenario_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let [file, link] = ["scenario.toml", "link"].map(|name| folder.path().join(name));
    std::fs::write(&file, STALL).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let [name, other_name] = [&file, &link].map(|path| path.to_str().unwrap());
    let output = workload(&["run", "--scenario", name, "--truth", other_name]);
    assert_eq!(output.status.code(), Some(1));
    let expected =
        format!("error: {other_name}: is the scenario, and would be overwritten by the truth; give --truth another file\n");
    assert_eq!(text(&output.stderr), expected);
    for arguments in [&["check", name][..], &["show", name], &["run", "--scenario", name, "--truth", "-"]] {
        let same = std::fs::File::options().append(true).open(&file).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_grantscope-workload")).args(arguments).stdout(same).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains("is also where standard output goes"), "{arguments:?}: {}", text(&output.stderr));
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), STALL);
}

#[test]
fn a_scenario_file_is_shown_as_it_is_and_a_program_says_that_it_is_one() {
    let output = workload(&["show", "latency-1"]);
    assert_eq!(text(&output.stdout), include_str!("../../scenarios/latency-1.toml"));
    assert!(text(&workload(&["show", "faults"]).stdout).contains("It is a program, not a file"));
}

#[test]
fn check_reports_every_mistake_and_exits_with_1_or_lists_the_needs() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/latency-1.toml");
    let output = workload(&["check", file, "--set", "pages=3"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("needs 3 pages granted"), "{}", text(&output.stdout));
    assert_eq!(workload(&["check", "latency-1", "--set", "pages=3"]).stdout, output.stdout);
    assert!(text(&workload(&["check", "faults"]).stderr).contains("a scenario that is a program has no file to check"));
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
    // Both had the stall, and only one of them shows in its p99 how long the waiters were delayed.
    assert!(ms(&open["service_ns"]["max"]) >= 100 && ms(&closed["service_ns"]["max"]) >= 100);
    assert!(ms(&open["response_ns"]["p99"]) >= 80, "{open}");
    assert!(ms(&closed["service_ns"]["p99"]) < 80, "{closed}");
    assert_eq!((&closed["pace"], &closed["response_ns"]), (&"closed".into(), &serde_json::Value::Null));
    assert!(open["missed"].as_u64().unwrap() >= 15, "{open}");
    assert!(said.contains("stall: open: open loop, one due every 5000.0 µs: 200 iterations"), "{said}");
    assert!(said.contains("stall: closed: closed loop: 200 iterations"), "{said}");
}

/// Far longer than anything here takes: what does not end by itself is a failure, and is killed.
const LONGEST: Duration = Duration::from_secs(30);

/// A scenario file that is being run.
struct Running {
    file: PathBuf,
    workload: Child,
}

impl Running {
    /// Begins, and gives it a moment to be in the midst of its iterations.
    fn start(name: &str, text: &str) -> Self {
        let file = std::env::temp_dir().join(format!("grantscope-{name}-{}.toml", std::process::id()));
        std::fs::write(&file, text).unwrap();
        let workload = Command::new(env!("CARGO_BIN_EXE_grantscope-workload"))
            .args(["run", "--scenario", file.to_str().unwrap(), "--truth", "-"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        sleep(Duration::from_millis(300));
        Self { file, workload }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.workload.id() as i32)
    }

    /// Its two processes, in the order in which they were started.
    fn children(&self) -> [Pid; 2] {
        let began = Instant::now();
        loop {
            let processes =
                std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
            let mut children: Vec<_> = processes.map(Pid::from_raw).filter(|pid| parent(*pid) == Some(self.pid())).collect();
            children.sort_unstable();
            match children[..] {
                [first, second] => return [first, second],
                _ => assert!(began.elapsed() < LONGEST, "it has {children:?}, not two"),
            }
        }
    }

    /// Its exit code, its truth, and what it said. Killed if it does not end by itself.
    fn ended(mut self) -> (Option<i32>, serde_json::Value, String) {
        let (mut truth, mut said) = (String::new(), String::new());
        let (mut stdout, mut stderr) = (self.workload.stdout.take().unwrap(), self.workload.stderr.take().unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| stdout.read_to_string(&mut truth).unwrap());
            scope.spawn(|| stderr.read_to_string(&mut said).unwrap());
            let began = Instant::now();
            while self.workload.try_wait().unwrap().is_none() {
                if began.elapsed() > LONGEST {
                    kill(self.pid(), Signal::SIGKILL).unwrap();
                }
                sleep(Duration::from_millis(10));
            }
        });
        let code = self.workload.wait().unwrap().code();
        assert!(code.is_some(), "it did not end by itself");
        (code, serde_json::from_str(&truth).unwrap(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.workload.kill();
        let _ = self.workload.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Who started a process: the second field behind its name.
fn parent(process: Pid) -> Option<Pid> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok().map(Pid::from_raw)
}

/// Whether a process is there, and not merely not waited for.
fn exists(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Runs a scenario file, interrupts it after a moment, and gives its truth.
fn interrupted(name: &str, file: &str) -> serde_json::Value {
    let running = Running::start(name, file);
    kill(running.pid(), Signal::SIGINT).unwrap();
    let (code, truth, _) = running.ended();
    assert_eq!(code, Some(1));
    truth
}

#[test]
fn an_interrupted_run_says_so_in_its_truth_and_ends_soon() {
    let processes =
        STALL.replace("name = \"closed\"", "name = \"closed\"\nprocesses = 2").replace("iterations = 200", "duration_s = 600");
    let truth = interrupted("processes", &processes);
    assert_eq!(truth["ending"]["how"], "interrupted");
    // What the processes did until then is reported too.
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

/// Two processes of two threads beside a thread, in two arms that take turns.
fn arms_in_processes(iterations: u32) -> String {
    STALL
        .replace("[parameters]", "[parameters]\nms = 1\n[arms]\nms = [1, 2]")
        .replace("name = \"closed\"", "name = \"closed\"\nprocesses = 2\nthreads = 2")
        .replace("{ sleep_ms = 1 }", "{ sleep_ms = \"$ms\" }")
        .replace("iterations = 200", &format!("iterations = {iterations}"))
}

#[test]
fn arms_of_several_processes_have_their_turns_together_and_the_truth_has_their_loops() {
    // The thread stalls in another iteration than the processes.
    let text = arms_in_processes(60).replacen("at = 50", "at = 10", 1).replace("pace = { rate_hz = 200 }\n", "");
    let running = Running::start("arms-in-processes", &text);
    let (code, truth, _) = running.ended();
    assert_eq!((code, &truth["ending"]["how"]), (Some(0), &"complete".into()));
    let mut iterations: Vec<_> = truth["loops"].as_array().unwrap().iter().map(|times| times["iterations"].as_u64()).collect();
    iterations.sort_unstable();
    assert_eq!(iterations, [60, 60, 240, 240].map(Some));
    // In each arm one stalls and the others wait, then the others stall, and 58 times none stalls. If they did not wait for each
    // other, each would have been through its own after 58 * (1 + 2) + 200 ms.
    let of = |name: &str| truth[name].as_u64().unwrap();
    let took_ms = (of("ended_ns") - of("started_ns")) / 1_000_000;
    assert!(took_ms >= 58 * (1 + 2) + 400, "{took_ms} ms");
}

#[test]
fn a_process_that_is_killed_ends_the_run_with_an_error_and_no_other_waits_for_it() {
    let running = Running::start("killed", &arms_in_processes(1_000_000));
    let children = running.children();
    kill(children[0], Signal::SIGKILL).unwrap();
    let (code, truth, said) = running.ended();
    assert_eq!((code, &truth["ending"]["how"]), (Some(1), &"failed".into()));
    assert!(said.contains("error: a process of the scenario failed: SIGKILL ended it, and its calls are in no truth"), "{said}");
    // What the others did is reported.
    let workers: Vec<_> = truth["loops"].as_array().unwrap().iter().map(|times| times["worker"].as_str().unwrap()).collect();
    assert_eq!(workers, ["open", "open", "closed", "closed"]);
    assert!(!exists(children[1]));
}

#[test]
fn a_process_that_is_asked_to_end_ends_all_as_interrupted() {
    let running = Running::start("asked", &arms_in_processes(1_000_000));
    kill(running.children()[1], Signal::SIGTERM).unwrap();
    let (code, truth, _) = running.ended();
    assert_eq!((code, &truth["ending"]["how"]), (Some(1), &"interrupted".into()));
}

#[test]
fn processes_end_soon_after_the_one_that_started_them_was_killed() {
    let running = Running::start("orphans", &arms_in_processes(1_000_000));
    let children = running.children();
    kill(running.pid(), Signal::SIGKILL).unwrap();
    let began = Instant::now();
    while children.iter().any(|child| exists(*child)) {
        assert!(began.elapsed() < LONGEST, "{children:?} are still there");
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_documented_frontend_grants_as_many_pages_as_its_scenario_needs() {
    let document = include_str!("../../../docs/two-domains.md");
    let needs = text(&workload(&["check", "display-4k"]).stdout);
    let pages = needs.lines().find_map(|line| line.strip_prefix("needs ")?.split_once(" pages granted")).unwrap().0;
    assert!(document.contains(&format!("frontend --to 0 --pages {pages} ")), "display-4k needs {pages} pages");
}
