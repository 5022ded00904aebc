//! What this process has changed: recorded before it is changed, and undone when its guard is dropped.

use grantscope_output::say;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::journal::{Folder, shared};
use super::lock::LONGEST_WAIT;
use super::record::Record;
use super::undone::Undone;
use super::value::Value;

/// A process has one journal, as it has one pid.
static OWN: Mutex<Own> = Mutex::new(Own::new());

/// A change that is recorded. It is undone when this is dropped.
#[derive(Debug)]
#[must_use = "the change is undone when this is dropped"]
pub struct Guard {
    record: Record,
    pid: u32,
}

impl Guard {
    /// Makes a change that would outlive this process, and records it before. `what` gets all other records, of this and of other runs.
    ///
    /// # Errors
    /// Those of `what`, and of making the change. That it could not be recorded is a warning.
    pub fn new(what: impl FnOnce(&[Record]) -> io::Result<Record>) -> io::Result<Self> {
        let record = OWN.lock().unwrap_or_else(PoisonError::into_inner).change(&shared(), what)?;
        Ok(Self { record, pid: std::process::id() })
    }

    /// Adds `by` to the number in a file of the kernel.
    ///
    /// # Errors
    /// The file cannot be read or written, holds no number, or is not one that runs change.
    pub fn add(path: &Path, by: i64) -> io::Result<Self> {
        Self::new(|others| Value::added(path, by, &Record::values(others)).map(Record::Value))
    }

    /// Sets the first word of a file of the kernel.
    ///
    /// # Errors
    /// The file cannot be read or written, or is not one that runs change.
    pub fn set(path: &Path, value: &str) -> io::Result<Self> {
        Self::new(|others| Value::set(path, value, &Record::values(others)).map(Record::Value))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A forked process has a copy of this, but the change is its parent's.
        if self.pid != std::process::id() {
            return;
        }
        match OWN.lock().unwrap_or_else(PoisonError::into_inner).undo(&shared(), &self.record) {
            Undone::Nothing | Undone::Done(_) => {}
            Undone::LeftAlone(what) => say!("warning: this run leaves {what}"),
            Undone::Failed(what) => say!("warning: this run leaves {what}; the next run, or `clean`, tries again"),
        }
    }
}

/// The records of this process, whether its journal can be written or not.
struct Own {
    changed: Vec<Record>,
    has_warned: bool,
    /// How long the folder's lock is waited for: once, and then no more.
    longest_wait: Duration,
}

impl Own {
    const fn new() -> Self {
        Self { changed: Vec::new(), has_warned: false, longest_wait: LONGEST_WAIT }
    }

    fn change(&mut self, path: &Path, what: impl FnOnce(&[Record]) -> io::Result<Record>) -> io::Result<Record> {
        let folder = self.lock(path);
        let record = what(&self.all(folder.as_ref()))?;
        self.changed.push(record.clone());
        self.write(path, folder.as_ref());
        let made = record.make();
        if made.is_err() {
            self.changed.pop();
            self.write(path, folder.as_ref());
        }
        made.map(|()| record)
    }

    /// What cannot be undone stays recorded: once this process has ended, the next run tries again.
    fn undo(&mut self, path: &Path, record: &Record) -> Undone {
        let folder = self.lock(path);
        // Equal records are interchangeable.
        let Some(place) = self.changed.iter().position(|own| own == record) else { return Undone::Nothing };
        self.changed.remove(place);
        let undone = record.undo(&self.all(folder.as_ref()));
        if matches!(undone, Undone::Failed(_)) {
            self.changed.insert(place, record.clone());
        }
        self.write(path, folder.as_ref());
        undone
    }

    fn lock(&mut self, path: &Path) -> Option<Folder> {
        let locked = Folder::lock(path, self.longest_wait);
        if matches!(&locked, Err(error) if error.kind() == ErrorKind::TimedOut) {
            self.longest_wait = Duration::ZERO;
        }
        self.try_to(path, locked)
    }

    /// All records that there are: other processes' and this one's.
    fn all(&self, folder: Option<&Folder>) -> Vec<Record> {
        let journals = folder.and_then(|folder| folder.journals().ok()).unwrap_or_default();
        let others = journals.into_iter().flatten().filter(|journal| journal.owner.pid != std::process::id());
        others.flat_map(|journal| journal.changed).chain(self.changed.iter().cloned()).collect()
    }

    fn write(&mut self, path: &Path, folder: Option<&Folder>) {
        if let Some(folder) = folder {
            self.try_to(path, folder.write_own(&self.changed));
        }
    }

    /// A change that cannot be recorded is made nevertheless, with a warning.
    fn try_to<T>(&mut self, path: &Path, outcome: io::Result<T>) -> Option<T> {
        if let Err(error) = &outcome
            && !std::mem::replace(&mut self.has_warned, true)
        {
            say!(
                "warning: cannot record in {} what this run changes ({error}): were it killed (SIGKILL), the next one could not put it \
                 back; mend that, or do without",
                path.display()
            );
        }
        outcome.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("grantscope-own-{name}-{}", std::process::id()))
    }

    fn more(path: &Path, by: i64) -> impl FnOnce(&[Record]) -> io::Result<Record> {
        let path = path.to_owned();
        move |others| Ok(Record::Value(Value::added(&path, by, &Record::values(others))?))
    }

    #[test]
    fn what_is_changed_is_in_the_journal_until_it_is_undone() {
        let (folder, limit) = (temporary("folder"), temporary("limit"));
        fs::write(&limit, "5\n").unwrap();
        let mut own = Own::new();
        let journal = folder.join(format!("workload-{}.json", std::process::id()));
        let first = own.change(&folder, more(&limit, 7)).unwrap();
        let second = own.change(&folder, more(&limit, 3)).unwrap();
        assert_eq!(fs::read_to_string(&limit).unwrap(), "15");
        assert_eq!(fs::read_to_string(&journal).unwrap().matches("\"base\":5").count(), 2, "both know where it began");
        assert!(matches!(own.undo(&folder, &first), Undone::Done(_)));
        assert_eq!(fs::read_to_string(&limit).unwrap(), "8");
        assert!(matches!(own.undo(&folder, &second), Undone::Done(_)));
        assert_eq!(fs::read_to_string(&limit).unwrap(), "5");
        assert!(!journal.exists());
        assert!(own.change(&folder, more(Path::new("/nowhere/at/all"), 1)).is_err());
        assert!(!journal.exists(), "what was not changed is not noted");
        fs::remove_dir_all(folder).unwrap();
        fs::remove_file(limit).unwrap();
    }

    #[test]
    fn what_cannot_be_undone_stays_in_the_journal() {
        let (folder, limit) = (temporary("failed"), temporary("failed-limit"));
        fs::write(&limit, "5\n").unwrap();
        let mut own = Own::new();
        let journal = folder.join(format!("workload-{}.json", std::process::id()));
        let failing = own.change(&folder, more(&limit, 7)).unwrap();
        // As where no descriptor is left to open it by: it is there, and cannot be read.
        fs::remove_file(&limit).unwrap();
        fs::create_dir(&limit).unwrap();
        assert!(matches!(own.undo(&folder, &failing), Undone::Failed(_)));
        assert!(fs::read_to_string(&journal).unwrap().contains("\"by\":7"), "the next run has to know");
        fs::remove_dir(&limit).unwrap();
        fs::write(&limit, "12\n").unwrap();
        let other = own.change(&folder, more(&limit, 3)).unwrap();
        assert!(matches!(own.undo(&folder, &other), Undone::Done(_)));
        assert_eq!(fs::read_to_string(&limit).unwrap(), "12", "what is still raised counts as that");
        assert!(journal.exists());
        assert!(matches!(own.undo(&folder, &failing), Undone::Done(_)));
        assert_eq!((fs::read_to_string(&limit).unwrap().as_str(), journal.exists()), ("5", false));
        fs::remove_dir_all(folder).unwrap();
        fs::remove_file(limit).unwrap();
    }

    #[test]
    fn where_nothing_can_be_noted_things_are_changed_and_undone_all_the_same() {
        let limit = temporary("unnoted");
        fs::write(&limit, "5\n").unwrap();
        let (mut own, nowhere) = (Own::new(), Path::new("/proc/no-folder-here"));
        let noted = own.change(nowhere, more(&limit, 7)).unwrap();
        assert!(own.has_warned);
        assert_eq!(fs::read_to_string(&limit).unwrap(), "12");
        assert!(matches!(own.undo(nowhere, &noted), Undone::Done(_)));
        assert_eq!(fs::read_to_string(&limit).unwrap(), "5");
        fs::remove_file(limit).unwrap();
    }
}
