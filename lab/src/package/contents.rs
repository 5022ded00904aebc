//! What is in a package, and where it goes. Documents lie in one folder as they lie in the work tree, so that what they name is there.

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context, Result, ensure};
use flate2::{Compression, write::GzEncoder};

use super::{
    copyright::copyright,
    identity::{MAINTAINER, VERSION},
    manual::Page,
    source::Source,
    tree::Tree,
};
use crate::place;

/// Where documents go.
pub const DOCUMENTS: &str = "usr/share/doc/grantscope";
/// Where scenario files go.
pub const SCENARIOS: &str = "usr/share/grantscope/scenarios";

/// Documents of the work tree, folder by folder, with the ends of their names. Recordings are left out: they are large.
const FROM: [(&str, &[&str]); 5] = [
    ("", &["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE-MIT", "LICENSE-APACHE"]),
    ("probes", &["LICENSE-GPL"]),
    ("lab/kernel", &[".config", ".patch"]),
    ("docs", &[".md", ".schema.json"]),
    ("docs/pictures", &[".svg"]),
];
/// The licence of the C library that is linked in; Debian's base-files has it.
const LGPL: &str = "/usr/share/common-licenses/LGPL-2.1";

/// What is made for a package, beside what lies in the work tree.
#[derive(Debug)]
pub struct Made<'a> {
    /// The programs, by their names.
    pub programs: [(&'static str, Vec<u8>); 2],
    /// Man pages and completions.
    pub pages: &'a [Page],
    /// The licences of libraries.
    pub notices: String,
    /// Of what state all of it is.
    pub source: &'a Source,
}

/// Puts it together.
///
/// # Errors
/// When a document cannot be read, or two files have one place.
pub fn tree(made: Made) -> Result<Tree> {
    let mut tree = Tree::default();
    for (name, bytes) in made.programs {
        tree.add(format!("usr/bin/{name}"), true, bytes)?;
    }
    for (path, bytes) in made.pages {
        match path.starts_with("share/man/") {
            true => tree.add(format!("usr/{path}.gz"), false, compressed(bytes)?)?,
            false => tree.add(format!("usr/{path}"), false, bytes.clone())?,
        }
    }
    for (folder, ends) in FROM {
        for (name, bytes) in files(folder, ends)? {
            let within = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            tree.add(format!("{DOCUMENTS}/{within}"), false, bytes)?;
        }
    }
    for (name, bytes) in files("workload/scenarios", &[".toml"])? {
        tree.add(format!("{SCENARIOS}/{name}"), false, bytes)?;
    }
    let lgpl = fs::read(LGPL).with_context(|| format!("cannot read {LGPL}: packages are made on Debian"))?;
    let mit = fs::read_to_string(place::work_tree().join("LICENSE-MIT")).context("cannot read LICENSE-MIT")?;
    tree.add(format!("{DOCUMENTS}/LICENSE-LGPL"), false, lgpl)?;
    tree.add(format!("{DOCUMENTS}/copyright"), false, copyright(&mit)?)?;
    tree.add(format!("{DOCUMENTS}/third-party-licences.txt.gz"), false, compressed(made.notices.as_bytes())?)?;
    tree.add(format!("{DOCUMENTS}/changelog.gz"), false, compressed(changelog(made.source).as_bytes())?)?;
    Ok(tree)
}

/// The files of a folder of the work tree whose names end so.
fn files(folder: &str, ends: &[&str]) -> Result<Vec<(String, Vec<u8>)>> {
    let path = place::work_tree().join(folder);
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for entry in fs::read_dir(&path).with_context(|| format!("cannot look into {path:?}"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if ends.iter().any(|end| name.ends_with(end)) {
            files.push((name, read(&entry.path())?));
        }
    }
    let absent = ends.iter().find(|end| !files.iter().any(|(name, _)| name.ends_with(**end)));
    ensure!(
        absent.is_none(),
        "{path:?} has no file {} any more: say in lab/src/package/contents.rs where it is now",
        absent.unwrap_or(&"")
    );
    Ok(files)
}

/// Reads a file of the work tree.
///
/// # Errors
/// When it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {path:?} for the package"))
}

/// As `gzip -9n` does: without a time.
fn compressed(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes)?;
    Ok(gzip.finish()?)
}

/// As Debian's policy asks for it; what changed for users is in CHANGELOG.md.
fn changelog(source: &Source) -> String {
    format!(
        "grantscope ({}) unstable; urgency=medium\n\n  * Made from {}. What changed is in CHANGELOG.md.\n\n -- {}  {}\n",
        VERSION, source.state, MAINTAINER, source.date
    )
}

#[cfg(test)]
mod tests;
