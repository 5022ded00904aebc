//! Programs of Debian's packages with the libraries that they need, as a tree of files for dom0.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use object::{
    Endianness,
    elf::{DT_NEEDED, FileHeader64},
    read::elf::{Dyn, FileHeader, SectionHeader as _},
};

use super::apt;
use crate::{
    cache::{Cache, Key},
    platform::Architecture,
    progress::Step,
};

/// What to choose of which packages.
#[derive(Debug)]
pub struct Choice<'a> {
    /// What it is, for the folder in the cache.
    pub name: &'a str,
    /// The suite of the packages.
    pub suite: &'a str,
    /// The packages; the version of the first is that of the choice.
    pub packages: &'a [&'a str],
    /// Programs by their paths in the packages, which are their paths in dom0 too.
    pub programs: &'a [&'a str],
}

/// What glibc loads when a thread is cancelled, without being linked with it.
const LOADED_LATER: &str = "libgcc_s.so.1";
/// Where the packages have libraries, before the folder that has the architecture's name.
const LIBRARY_FOLDERS: [&str; 2] = ["lib", "usr/lib"];
/// Counts up when another choice is made of the same packages.
const RECIPE: &str = "2";

/// The tree, as it is to lie in dom0's root: libraries are in `lib`.
///
/// # Errors
/// When the packages cannot be fetched, or lack a program or a library.
pub fn ensure(cache: &Cache, architecture: Architecture, choice: &Choice<'_>) -> Result<PathBuf> {
    let Choice { name, suite, packages, programs } = choice;
    let debian = architecture.debian();
    // Remembered, so that later runs ask no network.
    let version = cache.fact(&format!("version-{}-{debian}", packages[0]), || {
        let apt = apt::suite_apt(cache, suite, debian)?;
        apt.version(packages[0])?.with_context(|| format!("{suite} has no {} for {debian}", packages[0]))
    })?;
    let key = Key::default().with("version", &version).with("programs", programs.join(" ")).with("recipe", RECIPE);
    cache.artifact(&format!("{name}-{debian}"), &key, |folder| {
        let step = Step::start(format!("{name} for {debian}"));
        let unpacked = folder.parent().context("an artifact is made in a scratch folder")?.join("unpacked");
        fs::create_dir(&unpacked).with_context(|| format!("cannot make {unpacked:?}"))?;
        let apt = apt::suite_apt(cache, suite, debian)?;
        apt.unpack(&apt.closure(packages)?, &unpacked)?;
        choose(&unpacked, architecture, programs, folder)?;
        step.done(&version);
        Ok(())
    })
}

/// Copies the programs, and every library that they need, and what those need.
fn choose(unpacked: &Path, architecture: Architecture, programs: &[&str], folder: &Path) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut open = vec![LOADED_LATER.to_owned()];
    for program in programs {
        open.extend(copy(&unpacked.join(program), &folder.join(program))?);
    }
    while let Some(library) = open.pop() {
        if seen.insert(library.clone()) {
            let from = find_library(unpacked, architecture, &library)?;
            open.extend(copy(&from, &folder.join("lib").join(&library))?);
        }
    }
    Ok(())
}

fn find_library(unpacked: &Path, architecture: Architecture, name: &str) -> Result<PathBuf> {
    let triplet = architecture.rust_target().replace("-unknown", "");
    let places = LIBRARY_FOLDERS.map(|folder| unpacked.join(folder).join(&triplet).join(name));
    places.into_iter().find(|path| path.exists()).with_context(|| format!("the packages have no library {name}"))
}

/// Copies a program or library, and gives the libraries that it needs.
fn copy(from: &Path, to: &Path) -> Result<Vec<String>> {
    let bytes = fs::read(from).with_context(|| format!("cannot read {from:?}"))?;
    let parent = to.parent().with_context(|| format!("{to:?} lies in no folder"))?;
    fs::create_dir_all(parent).with_context(|| format!("cannot make {parent:?}"))?;
    fs::write(to, &bytes).with_context(|| format!("cannot write {to:?}"))?;
    needed(&bytes).with_context(|| format!("{from:?} cannot be read as an ELF file"))
}

/// The names of the libraries that an ELF file is linked with.
fn needed(bytes: &[u8]) -> Result<Vec<String>> {
    let header = FileHeader64::<Endianness>::parse(bytes)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, bytes)?;
    let mut names = Vec::new();
    for section in sections.iter() {
        let Some((entries, strings)) = section.dynamic(endian, bytes)? else { continue };
        let strings = sections.strings(endian, bytes, strings)?;
        for entry in entries.iter().filter(|entry| entry.d_tag(endian) == DT_NEEDED) {
            let name = entry.string(endian, strings)?;
            names.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_libraries_of_a_program_are_read_from_its_dynamic_section() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needed(&own).unwrap().iter().any(|name| name == "libc.so.6"));
    }
}
