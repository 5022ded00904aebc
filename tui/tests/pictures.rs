//! The pictures of the documents are what the viewer draws of the shipped recording; `GRANTSCOPE_UPDATE_DOCS=1` draws them anew.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// Each file of docs/pictures/, and how it is drawn.
const PICTURES: &[(&str, &[&str])] = &[
    ("overview.svg", &["--view", "table", "--size", "120x32"]),
    ("where.svg", &["--keys", "/ e x p o r t . w c enter ] ] ] ] 2", "--size", "110x24"]),
    ("compare.svg", &["--view", "compare", "--size", "120x36"]),
];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn shot(output: &Path, arguments: &[&str]) -> std::process::Output {
    let recording = top().join("docs/recordings/sweep.gsr");
    let mut command = Command::cargo_bin("grantscope").unwrap();
    command.arg("shot").arg(recording).args(arguments).arg("-o").arg(output).output().unwrap()
}

#[test]
fn pictures_are_what_the_viewer_draws() {
    let folder = tempfile::tempdir().unwrap();
    let documents = top().join("docs/pictures");
    let mut stale = Vec::new();
    for (name, arguments) in PICTURES {
        let (drawn, known) = (folder.path().join(name), documents.join(name));
        let output = shot(&drawn, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        if std::env::var_os("GRANTSCOPE_UPDATE_DOCS").is_some() {
            fs::create_dir_all(&documents).unwrap();
            fs::copy(&drawn, &known).unwrap();
        } else if fs::read(&known).ok() != fs::read(&drawn).ok() {
            stale.push(*name);
        }
    }
    assert!(
        stale.is_empty(),
        "{stale:?} are not what the viewer draws: GRANTSCOPE_UPDATE_DOCS=1 cargo test -p grantscope --test pictures"
    );
    let files: Vec<_> = fs::read_dir(&documents).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files.len(), PICTURES.len(), "{files:?}: one of them is drawn by nobody");
}

#[test]
fn a_picture_is_well_formed_and_says_what_the_text_says() {
    let folder = tempfile::tempdir().unwrap();
    let [svg, text] = ["a.svg", "a.txt"].map(|name| folder.path().join(name));
    for path in [&svg, &text] {
        assert!(shot(path, &["--view", "compare", "--keys", "down"]).status.success());
    }
    let drawn = fs::read_to_string(svg).unwrap();
    // As many begin as end, and nothing that a name has in it is taken for markup.
    assert_eq!(drawn.matches("<text").count(), drawn.matches("</text>").count());
    let words = fs::read_to_string(text).unwrap();
    for word in words.split_whitespace().filter(|word| word.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        assert!(drawn.contains(word), "{word} is not in the picture");
    }
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = |arguments: &[&str]| {
        let output = shot(&folder.path().join("a.svg"), arguments);
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said(&["--keys", "fnord"]).contains("`fnord` is no key"));
    assert!(said(&["--keys", "f12"]).contains("means nothing"));
    assert!(said(&["--keys", "q"]).contains("these keys end the viewer"));
    assert!(said(&["--size", "0x5"]).contains("as in 120x36"));
    assert!(said(&["--view", "fnord"]).contains("possible values"));
}

#[test]
fn half_a_recording_is_drawn_and_is_not_taken_for_a_whole_one() {
    let folder = tempfile::tempdir().unwrap();
    let [half, other] = ["half.gsr", "other.gsr"].map(|name| folder.path().join(name));
    let whole = fs::read(top().join("docs/recordings/sweep.gsr")).unwrap();
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    fs::write(&other, "no recording").unwrap();
    let drawn = Command::cargo_bin("grantscope").unwrap().arg("shot").arg(&half).output().unwrap();
    assert_eq!(drawn.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&drawn.stdout).contains("CUT SHORT") && !drawn.stderr.is_empty());
    let refused = Command::cargo_bin("grantscope").unwrap().arg("shot").arg(&other).output().unwrap();
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
}

#[test]
fn a_picture_is_never_drawn_over_what_it_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let recording = fs::read(top().join("docs/recordings/sweep.gsr")).unwrap();
    let [mine, base] = ["mine.gsr", "base.gsr"].map(|name| folder.path().join(name));
    for (output, other) in [(&mine, None), (&base, Some(&base))] {
        [&mine, &base].iter().for_each(|path| fs::write(path, &recording).unwrap());
        let mut command = Command::cargo_bin("grantscope").unwrap();
        command.arg("shot").arg(&mine).arg("-o").arg(output);
        let more = other.map(|base| ["--baseline".as_ref(), base.as_os_str()]);
        let refused = command.args(more.into_iter().flatten()).output().unwrap();
        assert_eq!(refused.status.code(), Some(1));
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(why.contains("is a recording that is read") && why.contains("give another file"), "{why}");
        assert!([&mine, &base].iter().all(|path| fs::read(path).unwrap() == recording));
    }
}
