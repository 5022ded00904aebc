//! The text files of the work tree, as the rules read them; Rust files are parsed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

/// Folders without source, beside those that .gitignore names. In a further work tree of git's it is a file.
const SKIPPED: [&str; 1] = [".git"];

/// The files of a work tree.
pub struct Tree {
    /// Its top folder.
    pub root: PathBuf,
    /// Every text file, in the order of the paths.
    pub files: Vec<File>,
}

/// A text file.
pub struct File {
    /// Its path from the top folder, with `/` between the parts.
    pub path: String,
    /// What is in it.
    pub text: String,
    /// The same, if it is a Rust file.
    pub rust: Option<syn::File>,
}

impl File {
    /// A file with this path and text.
    ///
    /// # Errors
    /// When it is a Rust file that cannot be parsed.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Result<Self> {
        let (path, text) = (path.into(), text.into());
        let rust = path.ends_with(".rs").then(|| syn::parse_file(&text)).transpose();
        let rust = rust.with_context(|| format!("{path} cannot be parsed: run `cargo check`"))?;
        Ok(Self { path, text, rust })
    }
}

impl Tree {
    /// Reads a work tree.
    ///
    /// # Errors
    /// When a folder or a file cannot be read, or a Rust file cannot be parsed.
    pub fn read(root: &Path) -> Result<Self> {
        let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let mut skipped = ignored_folders(&ignored);
        skipped.extend(SKIPPED.map(str::to_owned));
        let mut files = Vec::new();
        collect(root, "", &skipped, &mut files)?;
        Ok(Self { root: root.into(), files })
    }

    /// The Rust files.
    pub fn rust(&self) -> impl Iterator<Item = (&File, &syn::File)> {
        self.files.iter().filter_map(|file| Some((file, file.rust.as_ref()?)))
    }
}

/// What .gitignore names as whole folders: with `/` before it the one at the top, else every one of that name.
fn ignored_folders(gitignore: &str) -> Vec<String> {
    let folders = gitignore.lines().filter_map(|line| line.strip_suffix('/'));
    folders.map(str::to_owned).collect()
}

fn collect(folder: &Path, prefix: &str, skipped: &[String], files: &mut Vec<File>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot look into {}", folder.display()))?;
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (path, kind) = (format!("{prefix}{name}"), entry.file_type()?);
        if skipped.iter().any(|skipped| *skipped == name || skipped.strip_prefix('/') == Some(&path)) {
            continue;
        }
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), skipped, files)?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path()).with_context(|| format!("cannot read {path}"))?;
            // What is not UTF-8 is a recording or a picture.
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(File::new(path, text)?);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_gitignore_are_skipped_and_its_patterns_of_files_are_none() {
        assert_eq!(ignored_folders("target/\n# a word\n/demo/\n*.snap.new\n"), ["target", "/demo"]);
    }

    #[test]
    fn the_own_tree_is_read_without_what_was_built() {
        let tree = Tree::read(crate::place::work_tree()).unwrap();
        let paths: Vec<_> = tree.rust().map(|(file, _)| file.path.as_str()).collect();
        assert!(paths.contains(&"lab/src/tidy/tree.rs") && paths.contains(&"probes/wire/src/lib.rs"));
        assert!(!paths.iter().any(|path| path.contains("target/")), "{paths:?}");
    }
}
