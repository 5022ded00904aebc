//! What README.md, CONTRIBUTING.md and docs/ say of this work tree: commands of `cargo xtask`, checks, files, links.

use std::{fs, path::Path};

use clap::Parser;

use crate::{Cli, Verb, checks};

#[path = "../../docs/examples.rs"]
mod examples;

/// The folders of this work tree. What else looks like a path in a document is the kernel's, or the reader's own.
/// `docs/misc/` is Xen's.
const FOLDERS: &[&str] =
    &["analysis/", "collector/", "docs/", "fuzz/", "lab/", "manual/", "probes/", "tui/", "workload/", ".ci/"];

#[test]
fn every_example_in_the_documents_is_a_command_line_of_xtask() {
    for example in examples::check("xtask", |words| Cli::try_parse_from(words).map(drop)) {
        let Ok(Cli { verb: Verb::Test(arguments) }) = Cli::try_parse_from(&example.words) else { continue };
        // NAME stands for any.
        let Some(part) = arguments.only.filter(|part| part != "NAME") else { continue };
        let mut all = checks::ALL.iter().chain(checks::ON_DEMAND);
        assert!(all.any(|check| check.name.contains(&part)), "{}: no check has {part:?} in its name", example.place);
    }
}

/// Calls `look` with each line of each document, and where it is.
fn each_line(mut look: impl FnMut(&Path, &str, &str)) {
    for path in examples::documents() {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(examples::root()).unwrap().display().to_string();
        for (number, line) in text.lines().enumerate() {
            look(&path, line, &format!("{name}:{}", number + 1));
        }
    }
}

#[test]
fn every_file_that_a_document_names_exists() {
    let mut missing = Vec::new();
    each_line(|_, line, place| {
        let codes = line.split('`').skip(1).step_by(2);
        let ours = codes.filter(|code| FOLDERS.iter().any(|folder| code.starts_with(folder)) && !code.starts_with("docs/misc/"));
        // N stands for a number.
        let paths = ours.filter(|code| !code.contains([' ', '*']) && !code.ends_with("N.rs"));
        let absent = paths.flat_map(alternatives).filter(|path| !examples::root().join(path).exists());
        missing.extend(absent.map(|path| format!("{place}: {path}")));
    });
    assert!(missing.is_empty(), "documents name files that do not exist:\n{}", missing.join("\n"));
}

/// `a/{b,c}.rs` stands for two paths.
fn alternatives(path: &str) -> Vec<String> {
    let parts = path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        None => vec![path.to_owned()],
        Some((before, (choices, after))) => choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect(),
    }
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let mut broken = Vec::new();
    each_line(|path, line, place| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let lost = targets.filter(|target| !target.starts_with("https://") && !leads_somewhere(path, target));
        broken.extend(lost.map(|target| format!("{place}: {target}")));
    });
    assert!(broken.is_empty(), "links to what does not exist:\n{}", broken.join("\n"));
}

fn leads_somewhere(from: &Path, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { from.to_owned() } else { from.with_file_name(file) };
    match anchor {
        None => path.exists(),
        Some(anchor) => fs::read_to_string(path).is_ok_and(|text| headings(&text).any(|heading| heading == anchor)),
    }
}

/// The anchors that GitHub makes of headings.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let titles = text.lines().filter_map(|line| line.strip_prefix('#')).map(|line| line.trim_start_matches('#').trim());
    titles.map(|title| {
        let kept = title.to_lowercase().replace(' ', "-");
        kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
    })
}

#[test]
fn a_path_with_alternatives_names_each_of_them() {
    assert_eq!(alternatives("a/{b,c}.rs"), ["a/b.rs", "a/c.rs"]);
    assert_eq!(alternatives("a/b.rs"), ["a/b.rs"]);
}
