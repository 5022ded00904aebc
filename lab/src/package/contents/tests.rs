//! What is named in a package is in it.

use std::collections::BTreeSet;

use super::*;

fn example() -> Tree {
    let source = Source { epoch: 1, state: "commit abc".into(), date: "Thu, 01 Jan 1970 00:00:01 +0000".into() };
    let programs = [("grantscope", b"1".to_vec()), ("grantscope-workload", b"2".to_vec())];
    let pages =
        [("share/man/man1/grantscope.1".to_owned(), b"page".to_vec()), ("share/zsh/_grantscope".to_owned(), b"z".to_vec())];
    tree(Made { programs, pages: &pages, notices: "notices".into(), source: &source }).unwrap()
}

#[test]
fn programs_can_be_run_and_nothing_else_can() {
    let tree = example();
    let programs = tree.files().filter(|(_, entry)| entry.executable).map(|(path, _)| path);
    assert!(programs.eq(["usr/bin/grantscope", "usr/bin/grantscope-workload"]));
}

#[test]
fn pages_are_compressed_and_completions_are_not() {
    let tree = example();
    let find =
        |wanted: &str| tree.files().find(|(path, _)| *path == wanted).unwrap_or_else(|| panic!("no {wanted}")).1.bytes.clone();
    assert_eq!(find("usr/share/zsh/_grantscope"), b"z");
    let page = find("usr/share/man/man1/grantscope.1.gz");
    // RFC 1952: the mark of gzip, the method, no flags, no time.
    assert_eq!(page[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
}

#[test]
fn what_was_moved_away_is_missed() {
    let error = files("docs", &[".md", ".gone"]).unwrap_err().to_string();
    assert!(error.contains(r#"docs" has no file .gone any more"#), "{error}");
}

/// Links that lead out of the package would be dead on a board.
#[test]
fn what_documents_link_to_is_in_the_package() {
    let tree = example();
    let paths: BTreeSet<_> = tree.files().filter_map(|(path, _)| path.strip_prefix(DOCUMENTS)?.strip_prefix('/')).collect();
    let mut links = 0;
    for (path, entry) in tree.files().filter(|(path, _)| path.ends_with(".md")) {
        let folder =
            path.strip_prefix(DOCUMENTS).unwrap().trim_start_matches('/').rsplit_once('/').map_or("", |(folder, _)| folder);
        let text = String::from_utf8_lossy(&entry.bytes);
        for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            // A folder is one of the source, which a board has not.
            if target.is_empty() || target.starts_with("https://") || target.ends_with('/') {
                continue;
            }
            let leads_to = match target.strip_prefix("../") {
                Some(above) => above.to_owned(),
                None if folder.is_empty() => target.to_owned(),
                None => format!("{folder}/{target}"),
            };
            assert!(paths.contains(leads_to.as_str()), "{path} links to {target}, which no package has: add it to FROM");
            links += 1;
        }
    }
    assert!(links > 20, "{links} links");
}

#[test]
fn scenario_files_are_those_that_are_built_in() {
    let tree = example();
    let files = tree.files().filter_map(|(path, _)| path.strip_prefix(SCENARIOS)?.strip_prefix('/')?.strip_suffix(".toml"));
    let listed = grantscope_workload::catalog::list();
    let files: Vec<_> = files.collect();
    assert!(!files.is_empty());
    for name in files {
        assert!(listed.contains(name), "{name} is not in the list of scenarios:\n{listed}");
    }
}

#[test]
fn the_changelog_says_what_the_package_was_made_from() {
    let source = Source { epoch: 1, state: "commit abc".into(), date: "Thu, 01 Jan 1970 00:00:01 +0000".into() };
    insta::assert_snapshot!(changelog(&source));
}
