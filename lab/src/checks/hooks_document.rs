//! docs/hooks.md, the table of how each hook attached on each platform: a check of a platform compares its column with what it saw.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};
use grantscope_analysis::model::HookStatus;
use grantscope_wire::{Detail, HOOKS, Hook};

use crate::{place, platform};

/// Set to have the column written instead of compared.
pub const UPDATE: &str = "GRANTSCOPE_UPDATE_DOCS";
/// The cell of a hook that is not attached.
const NOT_ATTACHED: &str = "–";
/// The cell of a hook on a platform that was never checked.
const NEVER_SEEN: &str = "?";

const INTRODUCTION: &str = "\
# Hooks, and how each is attached

Written by `cargo xtask test` with `GRANTSCOPE_UPDATE_DOCS=1`, from the table in `probes/wire/src/hook.rs` and from what was observed on each
platform ([list](lab.md#platforms)); without that variable the same checks compare this file with what they observe.
`fentry` means fentry and, where both ends are watched, fexit; `kprobe` means kprobe and kretprobe; `raw tracepoint` marks a hook that is
a tracepoint and not a function; – marks a function that the kernel does not have; `full` marks a hook that is watched with `--detail full`
only, of which this table says no more; ? marks a platform that is checked on demand and has not been checked.
`from` is the least `--detail` that watches it; where a function's ends differ, entry / return.

";

/// Compares a platform's column with how its hooks are attached.
///
/// # Errors
/// When the document differs and is not to be written.
pub fn has_column(platform: &str, hooks: &[HookStatus]) -> Result<()> {
    // Two checks may write at the same time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let path = place::work_tree().join("docs/hooks.md");
    let mut known = parse(&fs::read_to_string(&path).unwrap_or_default());
    let mut seen: BTreeMap<String, String> = hooks
        .iter()
        .map(|status| (status.hook.name().to_owned(), status.attached_by.clone().unwrap_or_else(|| NOT_ATTACHED.to_owned())))
        .collect();
    let above = HOOKS.iter().filter(|hook| !hook.is_watched_at(Detail::default()));
    seen.extend(above.map(|hook| (hook.stem().to_owned(), Detail::Full.name().to_owned())));
    if known.get(platform) == Some(&seen) {
        return Ok(());
    }
    known.insert(platform.to_owned(), seen);
    write(path, &table(&known))
}

fn write(path: PathBuf, text: &str) -> Result<()> {
    if std::env::var_os(UPDATE).is_none() {
        bail!("docs/hooks.md differs from what was seen: set {UPDATE}=1 and run the check again to have it written");
    }
    fs::write(&path, text).with_context(|| format!("cannot write {path:?}"))
}

/// The columns before those of the platforms.
const FIXED_COLUMNS: usize = 3;

/// From which detail on a hook is watched.
fn from(hook: &Hook) -> String {
    let (entry, on_return) = (hook.entry_from.name(), hook.return_from.name());
    if entry == on_return { entry.to_owned() } else { format!("{entry} / {on_return}") }
}

/// For each platform, how each hook is attached.
fn parse(text: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
    let mut rows = text.lines().filter(|line| line.starts_with('|')).map(cells);
    let header: Vec<String> = rows.next().unwrap_or_default();
    let rows: Vec<Vec<String>> = rows.skip(1).collect();
    let column = |index: usize| {
        let cells = rows.iter().filter_map(|row| Some((row.first()?.clone(), row.get(index)?.clone())));
        cells.filter(|(_, cell)| cell != NEVER_SEEN).collect()
    };
    header.iter().enumerate().skip(FIXED_COLUMNS).map(|(index, platform)| (platform.clone(), column(index))).collect()
}

fn table(known: &BTreeMap<String, BTreeMap<String, String>>) -> String {
    let platforms: Vec<&str> = platform::ALL.iter().map(|platform| platform.name).collect();
    let mut text = format!("{INTRODUCTION}| hook | without it is missing | from | `{}` |\n", platforms.join("` | `"));
    text.push_str(&format!("| --- | --- | --- |{}\n", " --- |".repeat(platforms.len())));
    for hook in HOOKS {
        let cells = platforms.iter().map(|platform| known.get(*platform).and_then(|column| column.get(hook.stem())));
        let cells: Vec<&str> = cells.map(|cell| cell.map_or(NEVER_SEEN, String::as_str)).collect();
        text.push_str(&format!("| `{}` | {} | {} | {} |\n", hook.stem(), hook.without, from(hook), cells.join(" | ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::ON_DEMAND, *};

    #[test]
    fn a_column_that_is_written_is_read_again() {
        let column: BTreeMap<String, String> =
            HOOKS.iter().enumerate().map(|(n, hook)| (hook.stem().to_owned(), ["fentry", "–"][n % 2].to_owned())).collect();
        let known = BTreeMap::from([(platform::MAIN.name.to_owned(), column.clone())]);
        let read = parse(&table(&known));
        assert_eq!(read.get(platform::MAIN.name), Some(&column));
        assert!(read.iter().filter(|(platform, _)| *platform != platform::MAIN.name).all(|(_, column)| column.is_empty()));
    }

    #[test]
    fn every_hook_and_every_platform_has_its_place_in_the_document() {
        let document = fs::read_to_string(place::work_tree().join("docs/hooks.md")).expect("docs/hooks.md is there");
        let known = parse(&document);
        for platform in platform::ALL {
            let column = known.get(platform.name).unwrap_or_else(|| panic!("no column for {}", platform.name));
            // What is run on demand may never have been.
            let on_demand = ON_DEMAND.iter().any(|check| check.name.contains(platform.name));
            for hook in HOOKS.iter().filter(|_| !on_demand) {
                assert!(column.contains_key(hook.stem()), "{} on {}: never seen", hook.stem(), platform.name);
            }
        }
    }
}
