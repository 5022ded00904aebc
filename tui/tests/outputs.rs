//! Files of the user's: what a name stands for is written, and what is read is never overwritten.

mod support;

use std::fs::{self, File, OpenOptions, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{builder, synthetic};
use tempfile::TempDir;

/// A folder with a recording in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(TempDir::new().unwrap());
        fs::write(folder.path("s.gsr"), recording()).unwrap();
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn open_to_append(&self, name: &str) -> File {
        OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap()
    }

    /// Runs the command in the folder: its exit code, and what it says on standard error.
    fn run(&self, args: &[&str], stdin: Stdio, stdout: Stdio) -> (i32, String) {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("grantscope"));
        command.env("GRANTSCOPE_CONFIG", "/dev/null");
        command.args(args).current_dir(self.0.path()).stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        let output = command.spawn().unwrap().wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn quietly(&self, args: &[&str]) -> (i32, String) {
        self.run(args, Stdio::null(), Stdio::null())
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn recording() -> Vec<u8> {
    builder::bytes(&synthetic::complete(1))
}

fn is_table(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).lines().next().is_some_and(|line| line.contains(",op,"))
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_recording_is_not_overwritten_by_its_table() {
    let folder = Folder::new();
    symlink("s.gsr", folder.path("link")).unwrap();
    fs::hard_link(folder.path("s.gsr"), folder.path("hard")).unwrap();
    for output in ["s.gsr", "./s.gsr", "link", "hard"] {
        let (code, said) = folder.quietly(&["export", "s.gsr", "-o", output]);
        assert_eq!(code, 1);
        assert!(said.starts_with(&format!("grantscope: {output}: is the recording that is read")), "{said}");
        let stdin = File::open(folder.path("s.gsr")).unwrap();
        let (code, said) = folder.run(&["export", "-", "-o", output], stdin.into(), Stdio::null());
        assert!(code == 1 && said.contains("is the recording that is read"), "{said}");
        assert_eq!(folder.read("s.gsr"), recording());
    }
}

#[test]
fn what_is_read_is_not_added_to() {
    let folder = Folder::new();
    fs::write(folder.path("truth.json"), "{}").unwrap();
    let verbs = [&["export", "s.gsr"][..], &["summary", "s.gsr"], &["top", "s.gsr"]];
    for args in verbs.into_iter().chain([&["export", "s.gsr", "-o", "/dev/stdout"][..]]) {
        let (code, said) = folder.run(args, Stdio::null(), folder.open_to_append("s.gsr").into());
        assert!(code == 1 && said.starts_with("grantscope: s.gsr: is also where standard output goes"), "{args:?}: {said}");
        assert_eq!(folder.read("s.gsr"), recording());
    }
    let stdin = File::open(folder.path("s.gsr")).unwrap();
    let (code, said) = folder.run(&["summary", "-"], stdin.into(), folder.open_to_append("s.gsr").into());
    assert!(code == 1 && said.contains("standard input: is also where standard output goes"), "{said}");
    let truth = folder.open_to_append("truth.json");
    let (code, said) = folder.run(&["judge", "s.gsr", "truth.json"], Stdio::null(), truth.into());
    assert!(code == 1 && said.contains("truth.json: is also where standard output goes"), "{said}");
    assert_eq!((folder.read("truth.json").as_slice(), folder.read("s.gsr")), (&b"{}"[..], recording()));
}

#[test]
fn standard_output_by_its_name_is_added_to_as_it_is() {
    let folder = Folder::new();
    fs::write(folder.path("f"), "first line\n").unwrap();
    let link = fs::read_link("/dev/stdout").unwrap();
    for name in ["/dev/stdout", "/proc/self/fd/1"] {
        let (code, said) = folder.run(&["export", "s.gsr", "-o", name], Stdio::null(), folder.open_to_append("f").into());
        assert_eq!((code, said.as_str()), (0, ""));
    }
    assert_eq!(fs::read_link("/dev/stdout").unwrap(), link);
    let written = String::from_utf8(folder.read("f")).unwrap();
    let (first, tables) = written.split_once('\n').unwrap();
    assert!(first == "first line" && is_table(tables.as_bytes()));
    let (one, other) = tables.split_at(tables.len() / 2);
    assert_eq!(one, other);
    assert_eq!(folder.names(), ["f", "s.gsr"]);
}

#[test]
fn a_link_is_written_through_and_a_mode_stays() {
    let folder = Folder::new();
    fs::write(folder.path("private.csv"), "old").unwrap();
    fs::set_permissions(folder.path("private.csv"), Permissions::from_mode(0o600)).unwrap();
    symlink("private.csv", folder.path("link.csv")).unwrap();
    fs::write(folder.path("link.csv.part"), "somebody's").unwrap();
    fs::write(folder.path("private.csv.part"), "somebody's").unwrap();
    assert_eq!(folder.quietly(&["export", "s.gsr", "-o", "link.csv"]), (0, String::new()));
    assert!(folder.path("link.csv").is_symlink() && is_table(&folder.read("private.csv")));
    assert_eq!(mode(&folder.path("private.csv")), 0o600);
    for draft in ["link.csv.part", "private.csv.part"] {
        assert_eq!(folder.read(draft), b"somebody's");
    }
    assert_eq!(folder.names(), ["link.csv", "link.csv.part", "private.csv", "private.csv.part", "s.gsr"]);
}

#[cfg(feature = "capture")]
#[test]
fn a_recording_that_cannot_begin_leaves_the_old_one() {
    let folder = Folder::new();
    // Neither this build, which has no probes inside, nor this machine, which is no domain of Xen, can record.
    for output in ["s.gsr", "new.gsr"] {
        let (code, _) = folder.quietly(&["record", "-o", output, "--", "/nonexistent"]);
        assert_eq!(code, 1);
    }
    assert_eq!((folder.read("s.gsr"), folder.names()), (recording(), vec!["s.gsr".to_owned()]));
}

#[cfg(feature = "capture")]
#[test]
fn the_recording_is_not_what_the_command_reads() {
    let folder = Folder::new();
    let stdin = File::open(folder.path("s.gsr")).unwrap();
    let (code, said) = folder.run(&["record", "-o", "s.gsr", "--", "cat"], stdin.into(), Stdio::null());
    assert!(code == 1 && said.contains("s.gsr: is also standard input, and cannot be the recording too"), "{said}");
    let stdout = folder.open_to_append("s.gsr");
    let (code, said) = folder.run(&["record", "-o", "s.gsr", "--", "cat"], Stdio::null(), stdout.into());
    assert!(code == 1 && said.contains("s.gsr: is also standard output"), "{said}");
    let (code, said) = folder.quietly(&["record", "-o", "s.gsr", "--", "grantscope", "summary", "s.gsr"]);
    assert!(code == 1 && said.contains("s.gsr: is also `s.gsr` of COMMAND"), "{said}");
    assert_eq!(folder.read("s.gsr"), recording());
}
