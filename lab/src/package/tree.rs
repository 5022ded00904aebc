//! What a package installs: files by their paths below the root of a file system, in their order, with nothing of this machine's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whether it is a program.
    pub executable: bool,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Files by their paths, without the first slash.
#[derive(Debug, Clone, Default)]
pub struct Tree(BTreeMap<String, Entry>);

impl Tree {
    /// Adds a file.
    ///
    /// # Errors
    /// When there is one of this path already.
    pub fn add(&mut self, path: impl Into<String>, executable: bool, bytes: impl Into<Vec<u8>>) -> Result<()> {
        let path = path.into();
        let before = self.0.insert(path.clone(), Entry { executable, bytes: bytes.into() });
        ensure!(
            before.is_none(),
            "two files would be installed as /{path}: give one another place in lab/src/package/contents.rs"
        );
        Ok(())
    }

    /// All files, in the order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// All folders above the files, in the order of their paths.
    pub fn folders(&self) -> BTreeSet<&str> {
        let slashes = |path: &'_ str| path.match_indices('/').map(|(at, _)| at).collect::<Vec<_>>();
        self.0.keys().flat_map(|path| slashes(path).into_iter().map(move |at| &path[..at])).collect()
    }

    /// Writes the tree to an empty folder, with modes that no umask changes and one time for all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_to(&self, root: &Path, epoch: u64) -> Result<()> {
        for folder in self.folders() {
            let path = root.join(folder);
            fs::create_dir_all(&path).with_context(|| format!("cannot make {path:?}"))?;
        }
        for (path, entry) in self.files() {
            let path = root.join(path);
            fs::write(&path, &entry.bytes).with_context(|| format!("cannot write {path:?}"))?;
            settle(&path, if entry.executable { 0o755 } else { 0o644 }, epoch)?;
        }
        // Last: a file that is made changes the time of its folder.
        for folder in self.folders() {
            settle(&root.join(folder), 0o755, epoch)?;
        }
        settle(root, 0o755, epoch)
    }
}

fn settle(path: &Path, mode: u32, epoch: u64) -> Result<()> {
    let settle = || -> std::io::Result<()> {
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        File::open(path)?.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(epoch))
    };
    settle().with_context(|| format!("cannot set mode and time of {path:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_one_path_are_refused() {
        let mut tree = Tree::default();
        tree.add("usr/bin/a", true, *b"1").unwrap();
        let error = tree.add("usr/bin/a", true, *b"2").unwrap_err().to_string();
        assert!(error.starts_with("two files would be installed as /usr/bin/a"), "{error}");
    }

    #[test]
    fn folders_are_those_above_the_files() {
        let mut tree = Tree::default();
        tree.add("usr/share/doc/a", false, *b"").unwrap();
        tree.add("usr/bin/b", true, *b"").unwrap();
        assert!(tree.folders().into_iter().eq(["usr", "usr/bin", "usr/share", "usr/share/doc"]));
    }
}
