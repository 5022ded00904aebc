//! README shows what the program prints today.

use assert_cmd::Command;

const README: &str = include_str!("../../README.md");

#[test]
fn the_summary_in_the_readme_is_that_of_the_recording_in_the_documents() {
    let recording = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/recordings/sweep.gsr");
    let output = Command::cargo_bin("grantscope").unwrap().args(["summary", recording]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let block = README.split("```").find(|block| block.contains("wc÷pages")).expect("README shows a summary");
    for line in block.lines().skip(1) {
        assert!(
            printed.lines().any(|real| real.trim_end() == line),
            "README.md shows a line that is not printed: {line}\n{printed}"
        );
    }
}
