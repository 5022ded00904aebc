//! Runs commands in little memory, and says what none of them may do.

#![allow(dead_code, reason = "every test that includes this uses a part of it")]

use std::ffi::OsString;
use std::fs;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// What a command may have of address space: stacks of threads count that are never touched, and a debug build itself, which takes two fifths of it.
pub const MOST_KIB: u32 = 320 << 10;

/// The commands that read a recording; `@` stands for it, `truth` for a truth file.
pub const READERS: [&[&str]; 7] = [
    &["summary", "@"],
    &["summary", "@", "--raw", "--phase", "all"],
    &["export", "@"],
    &["maps", "@"],
    &["maps", "@", "--format", "json"],
    &["top", "@", "--speed", "max"],
    &["judge", "@", "truth"],
];

/// A truth file with what a terminal would obey in every text.
pub const TRUTH: &str = r#"{"format":"grantscope-truth","version":1,"ending":{"how":"complete"},"skipped":["a\u001b[2J"],
    "columns":["op","buffer","pages","outcome","phase","tid","start_ns","duration_ns","cause","statuses"],
    "calls":[["map\u001b[31m","wc\n",1,"ok\u0007","run",1,1,1,"\u009b2J","\u202e"],["map","wc",1,"ok","run",1,18446744073709551615,7,"",""]]}"#;

/// A folder with a truth file.
pub fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("truth"), TRUTH).unwrap();
    folder
}

/// The command with these arguments, in little memory.
pub fn command(args: impl IntoIterator<Item = OsString>, folder: &TempDir) -> Command {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -v \"$1\" && shift && exec \"$@\"",
        "sh",
        &MOST_KIB.to_string(),
        env!("CARGO_BIN_EXE_grantscope"),
    ]);
    command.args(args).current_dir(folder.path()).env_remove("RUST_BACKTRACE").env("MALLOC_ARENA_MAX", "1").stdin(Stdio::null());
    command
}

pub fn arguments<'a>(args: &'a [&str], recording: &'a str) -> impl Iterator<Item = OsString> + 'a {
    args.iter().map(move |&arg| if arg == "@" { recording } else { arg }.into())
}

/// Ended by itself, with one of the codes that are documented, and without what a terminal would obey.
pub fn assert_ended_well(output: &Output, what: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1 | 3 | 4)), "{what}: {}: {said}", output.status);
    assert!(!said.contains("panicked"), "{what}: {said}");
    for (stream, bytes) in [("standard output", &output.stdout), ("standard error", &output.stderr)] {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{what}: {stream} is not UTF-8"));
        let obeyed =
            text.chars().find(|&character| character.is_control() && character != '\n' || "\u{202e}\u{2028}".contains(character));
        assert_eq!(obeyed, None, "{what}: {stream}: {text:?}");
    }
    assert!(said.lines().count() <= 2 && said.len() < 10_000, "{what}: {said}");
}
