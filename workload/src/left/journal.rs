//! The journals: one small file for each process, in one folder, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Error};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::Left;
use super::owner::Owner;

/// Where journals are. It does not outlive a boot, as most of what is noted does not.
pub const FOLDER: &str = "/run/grantscope";

const FORMAT: &str = "grantscope-journal";
const VERSION: u32 = 1;

/// What a process has changed and not undone yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Journal {
    format: String,
    version: u32,
    #[serde(flatten)]
    pub(super) owner: Owner,
    /// In the order in which it was changed.
    pub(super) changed: Vec<Left>,
}

impl Journal {
    pub(super) fn of(owner: Owner, changed: Vec<Left>) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, owner, changed }
    }

    fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        let journal: Self = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        match (journal.format.as_str(), journal.version) {
            (FORMAT, VERSION) => Ok(journal),
            (_, version) => Err(format!("it is of version {version}, and this program knows {VERSION}")),
        }
    }
}

/// The folder of the journals.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// The one that all runs share.
    pub fn shared() -> Self {
        // Unit tests change nothing that a run relies on.
        let own = || std::env::temp_dir().join(format!("grantscope-test-{}", std::process::id()));
        if cfg!(test) { Self(own()) } else { Self(FOLDER.into()) }
    }

    /// Another one.
    #[cfg(test)]
    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether anybody ever noted anything.
    pub fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Waits until nobody else reads or changes what is noted: for as long as the answer lives, which ends with its process.
    pub(super) fn lock(&self) -> io::Result<Locked<'_>> {
        fs::create_dir_all(&self.0)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(self.0.join("lock"))?;
        let lock = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| Error::from(errno))?;
        Ok(Locked { folder: &self.0, _lock: lock })
    }
}

/// The folder while nobody else touches it.
pub(super) struct Locked<'folder> {
    folder: &'folder Path,
    _lock: Flock<File>,
}

/// A journal, or where there is one that cannot be read, and why.
pub(super) type Read = Result<Journal, (PathBuf, String)>;

impl Locked<'_> {
    pub(super) fn journals(&self) -> io::Result<Vec<Read>> {
        let mut journals = Vec::new();
        for entry in fs::read_dir(self.folder)? {
            let path = entry?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => journals.push(Journal::read(&path).map_err(|error| (path, error))),
                // Whoever wrote it was killed meanwhile; what it was to replace is still there.
                Some("new") => fs::remove_file(&path)?,
                _ => {}
            }
        }
        Ok(journals)
    }

    /// Writes it, or removes it where nothing is left to note.
    pub(super) fn write(&self, journal: &Journal) -> io::Result<()> {
        let path = self.folder.join(format!("workload-{}.json", journal.owner.pid));
        if journal.changed.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let new = path.with_extension("new");
        fs::write(&new, serde_json::to_vec(journal)?)?;
        fs::rename(new, path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Setting;
    use super::*;

    #[test]
    fn a_journal_is_read_as_it_was_written_and_goes_when_it_is_empty() {
        let folder = Folder::at(&std::env::temp_dir().join(format!("grantscope-journal-{}", std::process::id())));
        let setting = Setting::to(Path::new("/proc/sys/kernel/ostype"), "1", &[]).unwrap();
        let mut journal = Journal::of(Owner::this().unwrap(), vec![Left::Setting(setting)]);
        let locked = folder.lock().unwrap();
        locked.write(&journal).unwrap();
        fs::write(folder.path().join("workload-1.new"), "{").unwrap();
        assert_eq!(locked.journals().unwrap(), [Ok(journal.clone())]);
        assert!(!folder.path().join("workload-1.new").exists());
        fs::write(folder.path().join("workload-1.json"), "{").unwrap();
        assert_eq!(locked.journals().unwrap().iter().filter(|journal| journal.is_err()).count(), 1);
        journal.changed.clear();
        locked.write(&journal).unwrap();
        assert_eq!(locked.journals().unwrap().len(), 1);
        drop(locked);
        fs::remove_dir_all(folder.path()).unwrap();
    }
}
