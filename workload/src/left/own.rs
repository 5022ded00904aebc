//! What this process has changed: noted before it is changed, and undone when its note is dropped.

use std::io;
use std::sync::{Mutex, PoisonError};

use super::journal::{Folder, Journal, Locked};
use super::owner::Owner;
use super::{Left, Undone};

/// A process has one journal, as it has one number.
static OWN: Mutex<Own> = Mutex::new(Own::new());

/// A change that is noted. It is undone when this is dropped.
#[derive(Debug)]
#[must_use = "what was changed is undone when this is dropped"]
pub struct Noted {
    number: u64,
    pid: u32,
}

/// Makes a change that would outlive this process, and notes it before. `what` is told all other notes, of this and of other runs.
///
/// # Errors
/// Those of `what`, and of making the change. That it could not be noted is a warning.
pub fn change(what: impl FnOnce(&[Left]) -> io::Result<Left>) -> io::Result<Noted> {
    let number = OWN.lock().unwrap_or_else(PoisonError::into_inner).change(&Folder::shared(), what)?;
    Ok(Noted { number, pid: std::process::id() })
}

impl Noted {
    /// It has come to its end in an orderly way: there is nothing left to undo.
    pub fn is_over(self) {
        if self.pid == std::process::id() {
            OWN.lock().unwrap_or_else(PoisonError::into_inner).forget(&Folder::shared(), self.number);
        }
        std::mem::forget(self);
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        // A forked process has a copy of this, and it is not its own.
        if self.pid != std::process::id() {
            return;
        }
        match OWN.lock().unwrap_or_else(PoisonError::into_inner).undo(&Folder::shared(), self.number) {
            Undone::Nothing | Undone::Done(_) => {}
            Undone::LeftAlone(what) | Undone::Failed(what) => eprintln!("warning: this run leaves {what}"),
        }
    }
}

/// The notes of one process.
struct Own {
    changed: Vec<(u64, Left)>,
    next: u64,
    has_warned: bool,
}

impl Own {
    const fn new() -> Self {
        Self { changed: Vec::new(), next: 0, has_warned: false }
    }

    fn change(&mut self, folder: &Folder, what: impl FnOnce(&[Left]) -> io::Result<Left>) -> io::Result<u64> {
        let locked = self.lock(folder);
        let left = what(&self.others(locked.as_ref()))?;
        let number = self.next;
        self.next += 1;
        self.changed.push((number, left.clone()));
        self.write(folder, locked.as_ref());
        let made = left.make();
        if made.is_err() {
            self.changed.retain(|(other, _)| *other != number);
            self.write(folder, locked.as_ref());
        }
        made.map(|()| number)
    }

    fn undo(&mut self, folder: &Folder, number: u64) -> Undone {
        let locked = self.lock(folder);
        let Some(place) = self.changed.iter().position(|(other, _)| *other == number) else { return Undone::Nothing };
        let (_, left) = self.changed.remove(place);
        let undone = left.undo(&self.others(locked.as_ref()));
        self.write(folder, locked.as_ref());
        undone
    }

    fn forget(&mut self, folder: &Folder, number: u64) {
        let locked = self.lock(folder);
        self.changed.retain(|(other, _)| *other != number);
        self.write(folder, locked.as_ref());
    }

    fn lock<'folder>(&mut self, folder: &'folder Folder) -> Option<Locked<'folder>> {
        folder.lock().map_err(|error| self.warn(folder, &error)).ok()
    }

    /// All notes that are there: other processes' and this one's.
    fn others(&self, locked: Option<&Locked<'_>>) -> Vec<Left> {
        let journals = locked.and_then(|locked| locked.journals().ok()).unwrap_or_default();
        let others = journals.into_iter().flatten().filter(|journal| journal.owner.pid != std::process::id());
        others.flat_map(|journal| journal.changed).chain(self.changed.iter().map(|(_, left)| left.clone())).collect()
    }

    fn write(&mut self, folder: &Folder, locked: Option<&Locked<'_>>) {
        let Some(locked) = locked else { return };
        let changed = self.changed.iter().map(|(_, left)| left.clone()).collect();
        let written = Owner::this().and_then(|owner| locked.write(&Journal::of(owner, changed)));
        if let Err(error) = written {
            self.warn(folder, &error);
        }
    }

    fn warn(&mut self, folder: &Folder, error: &io::Error) {
        if !std::mem::replace(&mut self.has_warned, true) {
            eprintln!(
                "warning: cannot note in {} what this run changes ({error}): were it killed (SIGKILL), the next one could not put it \
                 back; make that folder writable for this run",
                folder.path().display()
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::super::Number;
    use super::*;

    fn temporary(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("grantscope-own-{name}-{}", std::process::id()))
    }

    fn more(path: &Path, by: i64) -> impl FnOnce(&[Left]) -> io::Result<Left> {
        let path = path.to_owned();
        move |others| Ok(Left::Number(Number::more(&path, by, others)?))
    }

    #[test]
    fn what_is_changed_is_in_the_journal_until_it_is_undone() {
        let (folder, limit) = (temporary("folder"), temporary("limit"));
        fs::write(&limit, "5\n").unwrap();
        let (mut own, shared) = (Own::new(), Folder::at(&folder));
        let journal = folder.join(format!("workload-{}.json", std::process::id()));
        let first = own.change(&shared, more(&limit, 7)).unwrap();
        let second = own.change(&shared, more(&limit, 3)).unwrap();
        assert_eq!(fs::read_to_string(&limit).unwrap(), "15");
        assert_eq!(fs::read_to_string(&journal).unwrap().matches("\"base\":5").count(), 2, "both know where it began");
        assert!(matches!(own.undo(&shared, first), Undone::Done(_)));
        assert_eq!(fs::read_to_string(&limit).unwrap(), "8");
        assert!(matches!(own.undo(&shared, second), Undone::Done(_)));
        assert_eq!(fs::read_to_string(&limit).unwrap(), "5");
        assert!(!journal.exists());
        assert!(own.change(&shared, more(Path::new("/nowhere/at/all"), 1)).is_err());
        assert!(!journal.exists(), "what was not changed is not noted");
        fs::remove_dir_all(folder).unwrap();
        fs::remove_file(limit).unwrap();
    }

    #[test]
    fn where_nothing_can_be_noted_things_are_changed_and_undone_all_the_same() {
        let limit = temporary("unnoted");
        fs::write(&limit, "5\n").unwrap();
        let (mut own, nowhere) = (Own::new(), Folder::at(Path::new("/proc/no-folder-here")));
        let noted = own.change(&nowhere, more(&limit, 7)).unwrap();
        assert!(own.has_warned);
        assert_eq!(fs::read_to_string(&limit).unwrap(), "12");
        assert!(matches!(own.undo(&nowhere, noted), Undone::Done(_)));
        assert_eq!(fs::read_to_string(&limit).unwrap(), "5");
        fs::remove_file(limit).unwrap();
    }
}
