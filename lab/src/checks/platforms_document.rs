//! docs/platforms.md, the table of all platforms: a check that profiles one compares its row with what it saw, and the run shows all rows at
//! its end.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, bail, ensure};
use grantscope_analysis::model::Environment;

use super::{hooks_document::UPDATE, recorded::Recorded};
use crate::{place, platform};

const INTRODUCTION: &str = "\
# Platforms, and what was profiled on each

Written by `cargo xtask test --all-platforms` with `GRANTSCOPE_UPDATE_DOCS=1`: each row by the check that profiles the platform
([what they are](lab.md#platforms), [how each hook attaches](hooks.md)). Without that variable the same checks compare this file with what
they observe, but for the last numbers of versions and the number of operations, and the run ends with this table as it saw it.
`exact` means that the recording agrees with what the programs wrote down, in every count, duration and stage, and that nothing was lost.

";
const HEADER: [&str; 6] = ["platform", "Linux", "Xen", "hooks by mode", "operations", "result"];
/// The result of a platform whose recording agrees with the truth.
const EXACT: &str = "exact";
/// That of one whose check has begun, and did not come as far as that.
const FAILED: &str = "FAILED";
/// That of one that no check has looked at.
const NOT_RUN: &str = "not run";

/// The cells of a row, without its platform.
type Row = [String; HEADER.len() - 1];

/// The rows of this run.
static SEEN: Mutex<BTreeMap<&'static str, Row>> = Mutex::new(BTreeMap::new());

/// The check that profiles a platform has begun: it failed, unless [`is_exact`] follows.
pub fn begins(platform: &'static str) {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(platform, without_figures(FAILED));
}

/// Its recording agrees with the truth; the document has to have the row.
///
/// # Errors
/// When the recording does not say what it was made on, or the document differs and is not to be written.
pub fn is_exact(platform: &'static str, recorded: &Recorded) -> Result<()> {
    let row = row(recorded.environment()?, &hooks(recorded)?, recorded.operations.len())?;
    // Also one check at a time at the document.
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.insert(platform, row.clone());
    let path = place::work_tree().join("docs/platforms.md");
    let mut known = parse(&fs::read_to_string(&path).unwrap_or_default());
    let update = std::env::var_os(UPDATE).is_some();
    match known.get(platform) {
        Some(documented) if !update && stable(documented) == stable(&row) => return Ok(()),
        _ if update => {}
        documented => bail!(
            "docs/platforms.md has another row for {platform}: {} there, {} seen; set {UPDATE}=1 and run the check again to have it written",
            documented.map_or("none".to_owned(), |row| row.join(" | ")),
            row.join(" | ")
        ),
    }
    known.insert(platform.to_owned(), row);
    fs::write(&path, format!("{INTRODUCTION}{}", table(|name| known.get(name)))).with_context(|| format!("cannot write {path:?}"))
}

/// The table of this run.
pub fn seen() -> String {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    table(|name| seen.get(name))
}

/// Every platform was profiled in this run.
///
/// # Errors
/// When one was not, or failed.
pub fn all_are_exact() -> Result<()> {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let result = |name| seen.get(name).map_or(NOT_RUN, |row: &Row| &row[row.len() - 1]);
    let others: Vec<_> = platform::ALL
        .iter()
        .map(|platform| (platform.name, result(platform.name)))
        .filter(|(_, result)| *result != EXACT)
        .map(|(name, result)| format!("{name}: {result}"))
        .collect();
    ensure!(others.is_empty(), "not every platform was profiled exactly: {}", others.join(", "));
    Ok(())
}

fn hooks(recorded: &Recorded) -> Result<String> {
    let modes = recorded.hooks_by_mode()?;
    let counts: Vec<_> = modes
        .iter()
        .map(|(mode, hooks)| match *mode {
            "nothing" => format!("{} not attached", hooks.len()),
            mode => format!("{} {mode}", hooks.len()),
        })
        .collect();
    Ok(counts.join(", "))
}

fn row(environment: &Environment, hooks: &str, operations: usize) -> Result<Row> {
    let xen = environment.xen.as_deref().context("the recording does not say which Xen it was made on")?;
    Ok([environment.kernel.clone(), xen.to_owned(), hooks.to_owned(), operations.to_string(), EXACT.to_owned()])
}

fn without_figures(result: &str) -> Row {
    ["–", "–", "–", "–", result].map(str::to_owned)
}

/// What is the same whenever and wherever the check runs: a machine may have a later package of a kernel, and how often threads that run
/// at the same time meet differs.
fn stable([linux, xen, hooks, _, result]: &Row) -> [&str; 4] {
    [series(linux), series(xen), hooks, result]
}

/// `6.12` of `6.12.117+deb13-amd64`.
fn series(version: &str) -> &str {
    let end = version.match_indices('.').nth(1).map_or(version.len(), |(at, _)| at);
    &version[..end]
}

fn table<'a>(row: impl Fn(&str) -> Option<&'a Row>) -> String {
    let mut text = format!("| {} |\n|{}\n", HEADER.join(" | "), " --- |".repeat(HEADER.len()));
    let not_run = without_figures(NOT_RUN);
    for platform in platform::ALL {
        let row = row(platform.name).unwrap_or(&not_run);
        text.push_str(&format!("| `{}` | {} |\n", platform.name, row.join(" | ")));
    }
    text
}

/// The rows of platforms that were run.
fn parse(text: &str) -> BTreeMap<String, Row> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    let rows = lines.filter_map(|(name, cells)| {
        let cells: Vec<String> = cells.split(" | ").map(str::to_owned).collect();
        Some((name.to_owned(), Row::try_from(cells).ok()?))
    });
    rows.filter(|(_, row)| row[row.len() - 1] != NOT_RUN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeMap<String, Row> {
        let cells = ["6.12.117-grantscope", "4.17.5", "62 fentry, 1 not attached", "17", EXACT];
        BTreeMap::from([(platform::MAIN.name.to_owned(), cells.map(str::to_owned))])
    }

    #[test]
    fn rows_that_are_written_are_read_again_and_what_was_not_run_says_so() {
        let known = known();
        let text = table(|name| known.get(name));
        assert_eq!(parse(&text), known);
        assert_eq!(text.lines().count(), 2 + platform::ALL.len());
        assert_eq!(text.matches(NOT_RUN).count(), platform::ALL.len() - 1);
    }

    #[test]
    fn a_later_package_and_other_meetings_of_threads_are_the_same_row_and_other_hooks_are_not() {
        let row = &known()[platform::MAIN.name];
        let changed = |cell: usize, to: &str| {
            let mut row = row.clone();
            row[cell] = to.to_owned();
            row
        };
        for same in [changed(0, "6.12.200-grantscope"), changed(1, "4.17.9-pre"), changed(3, "18")] {
            assert_eq!(stable(&same), stable(row));
        }
        for other in [changed(0, "6.1.117"), changed(1, "4.1.9"), changed(2, "62 kprobe"), changed(4, FAILED)] {
            assert_ne!(stable(&other), stable(row), "{other:?}");
        }
    }

    #[test]
    fn every_row_of_the_document_is_exact_and_is_that_of_a_platform() {
        let document = fs::read_to_string(place::work_tree().join("docs/platforms.md")).expect("docs/platforms.md is there");
        let known = parse(&document);
        assert_eq!(document, format!("{INTRODUCTION}{}", table(|name| known.get(name))), "run the checks with {UPDATE}=1");
        assert!(known.values().all(|row| row[row.len() - 1] == EXACT), "{known:?}");
    }
}
