//! The crates of the work tree, by the first file of each: libraries, programs and integration tests, as cargo knows them.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{command, programs};

/// Folders with a workspace of its own.
const WORKSPACES: [&str; 2] = ["", "probes"];

/// The first files, by their paths from the work tree's top folder.
///
/// # Errors
/// When cargo cannot be asked.
pub fn roots(tree: &Path) -> Result<Vec<String>> {
    let mut roots = Vec::new();
    for folder in WORKSPACES {
        let mut cargo = programs::stable_cargo();
        cargo.current_dir(tree.join(folder)).args(["metadata", "--no-deps", "--format-version", "1", "--offline"]);
        let metadata: Value = serde_json::from_str(&command::output(&mut cargo)?).context("cargo metadata gave no JSON")?;
        let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
        for target in list(&metadata, "packages").iter().flat_map(|package| list(package, "targets")) {
            let path = target["src_path"].as_str().context("cargo metadata names no file of a target")?;
            if let Ok(path) = Path::new(path).strip_prefix(tree) {
                roots.push(path.to_string_lossy().into_owned());
            }
        }
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_libraries_and_tests_of_both_workspaces_are_found() {
        let roots = roots(crate::place::work_tree()).unwrap();
        for root in
            ["lab/src/main.rs", "collector/src/lib.rs", "tui/tests/cli.rs", "probes/src/main.rs", "probes/wire/src/lib.rs"]
        {
            assert!(roots.iter().any(|known| known == root), "{root} in {roots:?}");
        }
    }
}
