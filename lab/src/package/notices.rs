//! The licences of the libraries inside both programs, as their packages have them. Whoever hands on a static program hands on these too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{command, platform::Architecture, programs};

/// How the names of files with licences begin.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
/// What the packages are made of.
const PROGRAMS: [&str; 2] = ["grantscope", "grantscope-workload"];
const PROBES: [&str; 1] = ["grantscope-probes"];

/// A library.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Library {
    /// Name and version.
    name: String,
    /// The licence that it states, as SPDX has it.
    licence: String,
    /// The texts that come with it.
    texts: Vec<String>,
}

/// The notices of both programs for this architecture, and of the probes in them.
///
/// # Errors
/// When cargo does not know what they are made of.
pub fn of(architecture: Architecture) -> Result<String> {
    let of_programs = metadata("Cargo.toml", architecture.rust_target(), &["--features", "grantscope/capture"])?;
    // For the BPF machine there is no target that every cargo knows; their libraries are the same for all.
    let of_probes = metadata("probes/Cargo.toml", architecture.rust_target(), &[])?;
    let mut libraries = libraries(&of_programs, &PROGRAMS)?;
    libraries.extend(self::libraries(&of_probes, &PROBES)?);
    Ok(written(&libraries))
}

fn metadata(manifest: &str, target: &str, more: &[&str]) -> Result<Value> {
    let mut cargo = programs::stable_cargo();
    cargo.args(["metadata", "--format-version", "1", "--manifest-path", manifest, "--filter-platform", target]).args(more);
    // What it says of other versions stands beside what it prints.
    serde_json::from_str(&command::output(&mut cargo)?).context("what cargo metadata prints is not JSON")
}

/// What `roots` contain of others, whatever it is that they contain it through.
fn libraries(metadata: &Value, roots: &[&str]) -> Result<BTreeSet<Library>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<_, _> = list(&metadata["packages"]).into_iter().map(|package| (id(&package), package)).collect();
    let nodes: BTreeMap<_, _> = list(&metadata["resolve"]["nodes"]).into_iter().map(|node| (id(&node), node)).collect();
    let is_root = |package: &Value| roots.iter().any(|root| package["name"] == *root);
    let mut waiting: Vec<_> = packages.iter().filter(|(_, package)| is_root(package)).map(|(id, _)| id.clone()).collect();
    anyhow::ensure!(waiting.len() == roots.len(), "cargo metadata does not know all of {roots:?}");
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    while let Some(id) = waiting.pop() {
        let (Some(package), Some(node)) = (packages.get(&id), nodes.get(&id)) else { continue };
        if !seen.insert(id) {
            continue;
        }
        if package["source"].is_string() {
            found.insert(library(package)?);
        }
        // Those for tests and for build scripts are in no program.
        let is_in_it = |dependency: &&Value| list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let dependencies = list(&node["deps"]);
        waiting
            .extend(dependencies.iter().filter(is_in_it).filter_map(|dependency| Some(dependency["pkg"].as_str()?.to_owned())));
    }
    Ok(found)
}

fn library(package: &Value) -> Result<Library> {
    let text = |field: &str| package[field].as_str().unwrap_or_default();
    let folder = Path::new(text("manifest_path")).parent().context("cargo metadata names no manifest")?;
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot look into {folder:?}"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if NAMES.iter().any(|start| name.starts_with(start)) && entry.file_type()?.is_file() {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {:?}", entry.path()))?;
            texts.push(String::from_utf8_lossy(&bytes).trim().to_owned());
        }
    }
    texts.sort();
    let licence = package["license"].as_str().unwrap_or("see the text below").to_owned();
    Ok(Library { name: format!("{} {}", text("name"), text("version")), licence, texts })
}

/// Each text once, under those that come with it.
fn written(libraries: &BTreeSet<Library>) -> String {
    let mut all = String::from("Libraries inside grantscope and grantscope-workload, with the licences that they state:\n\n");
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for library in libraries {
        let _ = writeln!(all, "{}: {}", library.name, library.licence);
        library.texts.iter().for_each(|text| owners.entry(text).or_default().push(&library.name));
    }
    for (text, owners) in owners {
        let _ = write!(all, "\n\n---- {} ----\n\n{text}\n", owners.join(", "));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_several_libraries_share_is_there_once() {
        let library = |name: &str, texts: &[&str]| Library {
            name: name.into(),
            licence: "MIT".into(),
            texts: texts.iter().map(|&text| text.into()).collect(),
        };
        insta::assert_snapshot!(written(&[library("a 1", &["both"]), library("b 2", &["both", "its own"])].into()), @r"
        Libraries inside grantscope and grantscope-workload, with the licences that they state:

        a 1: MIT
        b 2: MIT


        ---- a 1, b 2 ----

        both


        ---- b 2 ----

        its own
        ");
    }

    #[test]
    fn what_the_programs_and_the_probes_contain_is_found_and_what_their_tests_use_is_not() {
        let notices = of(Architecture::Arm64).unwrap();
        for contained in ["\naya 0.", "\naya-ebpf 0.", "\nratatui 0.", "\nserde 1.", "THE SOFTWARE IS PROVIDED"] {
            assert!(notices.contains(contained), "the notices lack {contained:?}");
        }
        for other in ["\ninsta ", "\nproptest ", "\ngrantscope"] {
            assert!(!notices.contains(other), "the notices have {other:?}");
        }
    }
}
