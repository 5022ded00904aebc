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
