//! The journal's files: one per process, in one folder that only its owner may read, each replaced as a whole.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};

use super::lock::lock;
use super::owner::Owner;
use super::private;
use super::record::Record;

/// Where journals are. Like most of what they record, it does not survive a reboot.
pub const FOLDER: &str = "/run/grantscope";

const FORMAT: &str = "grantscope-journal";
const VERSION: u32 = 2;

/// The folder that all runs share.
pub(super) fn shared() -> PathBuf {
    // Unit tests change nothing that a run relies on.
    let own = || std::env::temp_dir().join(format!("grantscope-test-{}", std::process::id()));
    if cfg!(test) { own() } else { FOLDER.into() }
}

/// The changes that a process has not undone yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    format: String,
    version: u32,
    #[serde(flatten)]
    pub(super) owner: Owner,
    /// In the order in which it was changed.
    pub(super) changed: Vec<Record>,
}

impl Journal {
    pub(super) fn of(owner: Owner, changed: Vec<Record>) -> Self {
        Self { format: FORMAT.to_owned(), version: VERSION, owner, changed }
    }

    fn read(path: &Path) -> Result<Self, String> {
        Self::parse(&private::read(path).map_err(|error| error.to_string())?)
    }

    /// Of a file's text.
    ///
    /// # Errors
    /// It is no journal that this program can have written, and so none that it follows.
    pub fn parse(text: &str) -> Result<Self, String> {
        let journal: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match (journal.format.as_str(), journal.version) {
            (FORMAT, VERSION) => {}
            (_, version) => return Err(format!("it is of version {version}, and this program knows {VERSION}")),
        }
        // All of it or nothing: who wrote one such record has written the others as well.
        match journal.changed.iter().find_map(Record::forged) {
            Some(what) => Err(format!("it records {what}, which no run changes so")),
            None => Ok(journal),
        }
    }
}

/// The folder, locked: no other process reads or changes the journals while this exists.
pub(super) struct Folder {
    path: PathBuf,
    _lock: Flock<File>,
}

/// A journal, or which file cannot be read, and why.
pub(super) type Read = Result<Journal, (PathBuf, String)>;

impl Folder {
    /// Creates it if necessary, and waits for its lock.
    ///
    /// # Errors
    /// It cannot be created, is a symbolic link or another user's, others can write in it, or it was kept locked for so long
    /// (`TimedOut`).
    pub(super) fn lock(path: &Path, longest: Duration) -> io::Result<Self> {
        private::folder(path)?;
        let lock = lock(private::to_lock(&path.join("lock"))?, longest)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(super) fn journals(&self) -> io::Result<Vec<Read>> {
        let mut journals = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => journals.push(Journal::read(&path).map_err(|error| (path, error))),
                // Its writer was killed before it renamed it; the file that it was to replace is still there.
                Some("new") => fs::remove_file(&path)?,
                _ => {}
            }
        }
        Ok(journals)
    }

    /// Writes this process's journal.
    pub(super) fn write_own(&self, changed: &[Record]) -> io::Result<()> {
        self.write(&Journal::of(Owner::this()?, changed.to_vec()))
    }

    /// Writes a journal, or removes it where it records nothing any more.
    pub(super) fn write(&self, journal: &Journal) -> io::Result<()> {
        let path = self.path.join(format!("workload-{}.json", journal.owner.pid));
        if journal.changed.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let new = tempfile::Builder::new().suffix(".new").tempfile_in(&self.path)?;
        serde_json::to_writer(&new, journal)?;
        new.persist(path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{DirBuilder, Permissions};
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::super::value::Value;
    use super::*;

    fn locked(path: &Path) -> Folder {
        Folder::lock(path, Duration::ZERO).unwrap()
    }

    /// A journal of this process, with one change of printk's level.
    fn journal() -> Journal {
        let setting = Value::set(Path::new("/proc/sys/kernel/printk"), "1", &[]).unwrap();
        Journal::of(Owner::this().unwrap(), vec![Record::Value(setting)])
    }

    #[test]
    fn a_journal_is_read_as_it_was_written_and_goes_when_it_is_empty() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("folder");
        let mut journal = journal();
        let folder = locked(&path);
        folder.write(&journal).unwrap();
        fs::write(path.join("workload-1.new"), "{").unwrap();
        assert_eq!(folder.journals().unwrap(), [Ok(journal.clone())]);
        assert!(!path.join("workload-1.new").exists());
        fs::write(path.join("workload-1.json"), "{").unwrap();
        assert_eq!(folder.journals().unwrap().iter().filter(|journal| journal.is_err()).count(), 1);
        journal.changed.clear();
        folder.write(&journal).unwrap();
        assert_eq!(folder.journals().unwrap().len(), 1);
    }

    #[test]
    fn nobody_else_may_look_into_the_folder_and_nothing_is_reached_through_a_link_or_a_pipe() {
        let base = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let path = base.path().join("folder");
        DirBuilder::new().mode(0o755).create(&path).unwrap();
        let folder = locked(&path);
        assert_eq!((mode(&path), mode(&path.join("lock"))), (0o700, 0o600));
        let elsewhere = base.path().join("elsewhere");
        fs::write(&elsewhere, "{}").unwrap();
        std::os::unix::fs::symlink(&elsewhere, path.join("workload-1.json")).unwrap();
        assert!(matches!(&folder.journals().unwrap()[..], [Err((_, why))] if why.contains("symbolic link")));
        mkfifo(&path.join("workload-2.json"), Mode::S_IRUSR).unwrap();
        assert_eq!(folder.journals().unwrap().iter().filter(|journal| journal.is_err()).count(), 2);
        let link = base.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(Folder::lock(&link, Duration::ZERO).is_err());
    }

    #[test]
    fn a_journal_that_others_can_have_written_or_that_is_forged_is_not_followed() {
        let base = tempfile::tempdir().unwrap();
        let (path, file) = (base.path().join("folder"), base.path().join("folder/workload-1.json"));
        let folder = locked(&path);
        let changed = |text: &str, with: &str| {
            let journal = serde_json::to_string(&journal()).unwrap().replace(text, with);
            fs::write(&file, journal).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
            folder.journals().unwrap().remove(0).map_err(|(_, why)| why)
        };
        changed("", "").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o662)).unwrap();
        assert!(matches!(&folder.journals().unwrap()[..], [Err((_, why))] if why.starts_with("others can write it (mode 662)")));
        for (text, with, what) in [
            ("/proc/sys/kernel/printk", "/etc/passwd", "/etc/passwd"),
            ("\"set\":\"1\"", "\"set\":\"1 |/bin/sh\"", "/proc/sys/kernel/printk"),
            ("\"set\":\"1\"", "\"set\":\"-1\"", "/proc/sys/kernel/printk"),
        ] {
            let why = changed(text, with).unwrap_err();
            assert_eq!(why, format!("it records a change of {what}, which no run changes so"));
        }
    }
}
