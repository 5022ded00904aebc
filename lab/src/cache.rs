//! The cache of downloads and builds: each artifact lies under a hash of its inputs, and only finished ones are used.
//!
//! An artifact is a folder. It is made in `tmp/` and renamed to its final name when whole, so an interrupted build leaves nothing
//! under a name that is ever looked up. A lock per kind lets two runs at once share one build instead of making it twice.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};
use sha2::{Digest, Sha256};

use crate::place;

/// How many artifacts of one kind are kept; older ones are removed when a new one is made.
const KEPT_PER_KIND: usize = 3;

/// What an artifact is made from: equal keys mean that the artifact can be used again.
#[derive(Debug, Default, Clone)]
pub struct Key(Sha256);

impl Key {
    /// Adds one named input. Names and lengths are hashed too, so that inputs cannot run into each other.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        self.0.update(format!("{name}:{}:", value.len()));
        self.0.update(value);
        self
    }

    /// The first 16 hexadecimal digits of the hash.
    pub fn short(&self) -> String {
        let hash = self.0.clone().finalize();
        hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// Opens the cache where `place` says, and makes it if it is not there.
    ///
    /// # Errors
    /// When there is no place for it, or it cannot be made.
    pub fn open() -> Result<Self> {
        Self::at(place::cache()?)
    }

    /// Opens or makes a cache at a given place.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn at(root: PathBuf) -> Result<Self> {
        for folder in ["artifacts", "tmp", "facts", "locks"] {
            let path = root.join(folder);
            fs::create_dir_all(&path).with_context(|| {
                format!("cannot make the cache folder {path:?}: set GRANTSCOPE_CACHE to a folder that can be written")
            })?;
        }
        Ok(Self { root })
    }

    /// The cache's top folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The artifact of this kind and key, if it was finished.
    pub fn find(&self, kind: &str, key: &Key) -> Option<PathBuf> {
        let path = self.artifact_path(kind, key);
        path.is_dir().then_some(path)
    }

    /// The artifact of this kind and key, made by `build` in the empty folder it is handed, unless it is already there.
    ///
    /// # Errors
    /// When it cannot be made, or `build` fails: then nothing is kept.
    pub fn artifact(&self, kind: &str, key: &Key, build: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        if let Some(path) = self.find(kind, key) {
            return Ok(path);
        }
        let _lock = self.lock(kind)?;
        if let Some(path) = self.find(kind, key) {
            return Ok(path); // Another run made it while this one waited for the lock.
        }
        // Under the lock no other process makes this kind, so a file here is left from an interrupted run.
        let scratch = self.root.join("tmp").join(kind);
        remove_folder(&scratch)?;
        let made = scratch.join("made");
        fs::create_dir_all(&made).with_context(|| format!("cannot make {made:?}"))?;
        build(&made)?;
        let path = self.artifact_path(kind, key);
        fs::rename(&made, &path).with_context(|| format!("cannot rename {made:?} to {path:?}"))?;
        remove_folder(&scratch)?;
        self.prune(kind)?;
        Ok(path)
    }

    /// A remembered fact, such as a package's version: asked for once, then kept until the cache is removed.
    ///
    /// # Errors
    /// When `ask` fails, or the answer cannot be written.
    pub fn fact(&self, name: &str, ask: impl FnOnce() -> Result<String>) -> Result<String> {
        let path = self.root.join("facts").join(name);
        if let Ok(known) = fs::read_to_string(&path) {
            return Ok(known);
        }
        let fact = ask()?;
        self.remember(name, &fact)?;
        Ok(fact)
    }

    /// A fact remembered earlier.
    pub fn remembered(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root.join("facts").join(name)).ok()
    }

    /// Remembers a fact, in place of what was known.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn remember(&self, name: &str, fact: &str) -> Result<()> {
        let path = self.root.join("facts").join(name);
        let fresh = self.root.join("tmp").join(format!("{name}.{}", std::process::id()));
        fs::write(&fresh, fact).with_context(|| format!("cannot write {fresh:?}"))?;
        fs::rename(&fresh, &path).with_context(|| format!("cannot write {path:?}"))
    }

    /// Holds other runs off a part of the cache until the result is dropped.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn lock(&self, name: &str) -> Result<Flock<File>> {
        let path = self.root.join("locks").join(name);
        let file = File::create(&path).with_context(|| format!("cannot make {path:?}"))?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((file, _)) => file,
        };
        eprintln!("waiting: {name} is being made, by this cargo xtask or by another");
        Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error).with_context(|| format!("cannot lock {path:?}"))
    }

    fn artifact_path(&self, kind: &str, key: &Key) -> PathBuf {
        self.root.join("artifacts").join(format!("{kind}-{}", key.short()))
    }

    fn prune(&self, kind: &str) -> Result<()> {
        let prefix = format!("{kind}-");
        let mut artifacts = Vec::new();
        for entry in fs::read_dir(self.root.join("artifacts"))? {
            let entry = entry?;
            let name = entry.file_name();
            let hash = name.to_str().and_then(|name| name.strip_prefix(&prefix));
            // The hash has no dash: "kernel-…" is not a "kernel-extra-…".
            if hash.is_some_and(|hash| !hash.contains('-')) {
                artifacts.push((entry.metadata()?.modified()?, entry.path()));
            }
        }
        artifacts.sort();
        let surplus = artifacts.len().saturating_sub(KEPT_PER_KIND);
        for (_, path) in artifacts.drain(..surplus) {
            remove_folder(&path)?;
        }
        Ok(())
    }
}

/// Removes a folder with all that is in it, if it exists.
///
/// # Errors
/// When it exists and cannot be removed.
pub fn remove_folder(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {path:?}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// A cache in a folder of its own, removed at the end.
    struct Scratch(Cache);

    impl Scratch {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("grantscope-cache-{name}-{}", std::process::id()));
            Self(Cache::at(root).unwrap())
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            remove_folder(self.0.root()).unwrap();
        }
    }

    fn key(value: &str) -> Key {
        Key::default().with("value", value)
    }

    #[test]
    fn an_artifact_is_made_once_per_key() {
        let Scratch(cache) = &Scratch::new("once");
        let made = Cell::new(0);
        for value in ["a", "a", "b", "a"] {
            let path = cache
                .artifact("thing", &key(value), |folder| {
                    made.set(made.get() + 1);
                    Ok(fs::write(folder.join("value"), value)?)
                })
                .unwrap();
            assert_eq!(fs::read_to_string(path.join("value")).unwrap(), value);
        }
        assert_eq!(made.get(), 2);
    }

    #[test]
    fn a_build_that_failed_leaves_nothing_that_is_trusted() {
        let Scratch(cache) = &Scratch::new("failed");
        let failed = cache.artifact("thing", &key("a"), |folder| {
            fs::write(folder.join("half"), "half")?;
            anyhow::bail!("interrupted")
        });
        assert!(failed.is_err());
        assert_eq!(cache.find("thing", &key("a")), None);
        let path = cache.artifact("thing", &key("a"), |_| Ok(())).unwrap();
        assert!(!path.join("half").exists(), "the half artifact was used again");
    }

    #[test]
    fn only_the_newest_artifacts_of_a_kind_are_kept() {
        let Scratch(cache) = &Scratch::new("prune");
        cache.artifact("thing-else", &key("0"), |_| Ok(())).unwrap();
        for value in 0..KEPT_PER_KIND + 2 {
            cache.artifact("thing", &key(&value.to_string()), |_| Ok(())).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(cache.find("thing", &key("0")), None);
        assert!(cache.find("thing", &key("4")).is_some());
        assert!(cache.find("thing-else", &key("0")).is_some());
        assert_eq!(fs::read_dir(cache.root().join("artifacts")).unwrap().count(), KEPT_PER_KIND + 1);
    }

    #[test]
    fn inputs_cannot_run_into_each_other() {
        let one = Key::default().with("a", "bc").with("d", "");
        let other = Key::default().with("a", "b").with("cd", "");
        assert_ne!(one.short(), other.short());
    }

    #[test]
    fn a_fact_is_asked_for_once() {
        let Scratch(cache) = &Scratch::new("fact");
        assert_eq!(cache.fact("version", || Ok("1".into())).unwrap(), "1");
        assert_eq!(cache.fact("version", || Ok("2".into())).unwrap(), "1");
    }
}
