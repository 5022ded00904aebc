//! Readers that fail on purpose: each way to fail is noticed, named, made small, and can be run again.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

fn fuzz(args: &[&str], folder: &TempDir) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grantscope-fuzz"));
    command.args(args).current_dir(folder.path()).output().unwrap()
}

/// What is said of the reader, and the one input that it failed on.
fn failed(reader: &str) -> (String, Vec<u8>) {
    let folder = TempDir::new().unwrap();
    let output = fuzz(&[reader, "--for", "1s", "--seed", "7"], &folder);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let files: Vec<_> = fs::read_dir(folder.path().join("fuzz-failures")).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}: {said}") };
    let again = fuzz(&[reader, "--input", file.to_str().unwrap()], &folder);
    assert!(!again.status.success(), "it fails again: {again:?}");
    assert!(said.contains(&format!("cargo xtask fuzz {reader} --input ")), "{said}");
    (said, fs::read(file).unwrap())
}

#[test]
fn a_panic_is_found_and_its_input_is_made_as_small_as_can_be() {
    let (said, input) = failed("faulty-panic");
    assert!(said.contains("it panicked: ") && said.contains("this input is wrong"), "{said}");
    assert_eq!(input, b"\"");
}

#[test]
fn too_much_memory_is_found_whether_it_is_there_or_not() {
    for (reader, what) in [("faulty-memory", "of 16384 KiB that it may have"), ("faulty-addresses", "memory allocation of ")] {
        let (said, input) = failed(reader);
        assert!(said.contains("it took too much memory: ") && said.contains(what), "{said}");
        assert_eq!(input, b"\"");
    }
}

#[test]
fn what_never_ends_is_found() {
    let (said, _) = failed("faulty-time");
    assert!(said.contains("it took too much time"), "{said}");
}

#[test]
fn what_is_good_stays_so_and_the_same_seed_gives_the_same_inputs() {
    let folder = TempDir::new().unwrap();
    let output = fuzz(&["marks", "--for", "300ms", "--seed", "5"], &folder);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && said.contains("seed 5") && said.contains("ok   marks: "), "{said}");
    assert!(!folder.path().join("fuzz-failures").exists());
}
