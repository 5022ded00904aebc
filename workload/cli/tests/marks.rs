//! Steps that give times a name, in the pipe that a profiler leaves. They need no Xen.

use std::io::{Read, pipe};
use std::os::fd::AsRawFd;
use std::process::Command;

/// Each of three iterations has a name, and one of them another one, of which a line would end within.
const NAMING: &str = r#"
version = 1
name = "naming"
summary = "names for times"
imitates = "nobody"
warmup = 0
iterations = 3
[[workers]]
name = "alone"
each = [{ mark = "again" }, { sleep_ms = 2 }, { mark = "once\n7 1 measured", at = 1 }]
"#;

#[test]
fn a_step_names_the_present_for_a_profiler() {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), NAMING).unwrap();
    let (mut reader, writer) = pipe().unwrap();
    // A copy, which programs that are started from here inherit.
    let inherited = nix::unistd::dup(&writer).unwrap();
    drop(writer);
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantscope-workload"));
    command.args(["run", "--truth", "-", "--scenario"]).arg(file.path());
    let output = command.env("GRANTSCOPE_MARKS", inherited.as_raw_fd().to_string()).output().unwrap();
    drop(inherited);
    assert!(output.status.success(), "{output:?}");
    let mut lines = String::new();
    reader.read_to_string(&mut lines).unwrap();
    let named: Vec<(u64, &str)> = lines
        .lines()
        .filter_map(|line| line.strip_prefix("mark@")?.split_once(' '))
        .map(|(at_ns, name)| (at_ns.parse().unwrap(), name))
        .collect();
    assert_eq!(named.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["again", "again", r"once\n7 1 measured", "again"]);
    let truth: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let [started_ns, ended_ns] = ["started_ns", "ended_ns"].map(|key| truth[key].as_u64().unwrap());
    assert!(named.is_sorted() && named.iter().all(|(at_ns, _)| (started_ns..ended_ns).contains(at_ns)), "{lines}");
    assert!(named[1].0 - named[0].0 >= 2_000_000, "an iteration lies between two: {lines}");
}
