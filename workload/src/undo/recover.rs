//! What dead runs left: undone, and reported.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::journal::{Folder, Journal, shared};
use super::lock::LONGEST_WAIT;
use super::owner::Owner;
use super::record::Record;
use super::undone::Undone;
use crate::device::{Holder, holders};

/// The findings in the journals.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The changes that dead runs left, and the result of undoing each.
    pub reports: Vec<String>,
    /// Changes that could not be undone, with the remedy.
    pub problems: Vec<String>,
    /// Runs that are still running: what they changed is theirs.
    pub at_work: Vec<Owner>,
}

impl Recovered {
    /// Whether dead runs left nothing.
    pub fn is_nothing(&self) -> bool {
        self.reports.is_empty() && self.problems.is_empty()
    }

    /// Processes that hold dma-bufs of gntdev, except running runs and their children.
    pub fn holders(&self) -> Vec<Holder> {
        let this = std::process::id();
        let is_at_work = |pid: u32| pid == this || self.at_work.iter().any(|owner| owner.pid == pid);
        let mut holders = holders(Path::new("/proc"));
        holders.retain(|holder| !is_at_work(holder.pid) && !is_at_work(holder.parent));
        holders
    }
}

/// Undoes what dead runs left, and says what it was.
///
/// # Errors
/// The folder of the journals is there, and cannot be used.
pub fn recover() -> io::Result<Recovered> {
    recover_in(&shared())
}

fn recover_in(path: &Path) -> io::Result<Recovered> {
    let mut recovered = Recovered::default();
    // A link that leads nowhere is there as well, and is refused.
    if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(recovered);
    }
    let folder = Folder::lock(path, LONGEST_WAIT)?;
    let (mut living, mut dead) = (Vec::new(), Vec::new());
    for journal in folder.journals()? {
        match journal {
            Ok(journal) if journal.owner.is_alive() => living.push(journal),
            Ok(journal) => dead.push(journal),
            Err((path, why)) => recovered.problems.push(format!(
                "the journal {} cannot be read ({why}): look into it for what a run may have left, then delete it",
                path.display()
            )),
        }
    }
    recovered.at_work = living.iter().map(|journal| journal.owner.clone()).collect();
    // The youngest first: it may have started from what the others had changed.
    dead.sort_by_key(|journal| journal.owner.age());
    while let Some(mut journal) = dead.pop() {
        let others = living.iter().chain(&dead).flat_map(|journal| journal.changed.clone()).collect();
        recovered.undo(&mut journal, others);
        folder.write(&journal)?;
    }
    Ok(recovered)
}

impl Recovered {
    /// Undoes a journal, the last change first; what cannot be undone stays in it.
    fn undo(&mut self, journal: &mut Journal, mut others: Vec<Record>) {
        let who = format!("a run that was killed ({}) left", journal.owner.describe());
        let of_another_boot = journal.owner.is_of_another_boot();
        let mut kept = Vec::new();
        while let Some(mut record) = journal.changed.pop() {
            record.merge(&mut journal.changed);
            if of_another_boot && !record.outlives_the_boot() {
                continue;
            }
            let all: Vec<Record> = others.iter().chain(&journal.changed).cloned().collect();
            match record.undo(&all) {
                Undone::Nothing => {}
                Undone::Done(what) | Undone::LeftAlone(what) => self.reports.push(format!("{who} {what}")),
                Undone::Failed(what) => {
                    self.problems.push(format!("{who} {what}"));
                    others.push(record.clone());
                    kept.insert(0, record);
                }
            }
        }
        journal.changed = kept;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;
    use std::process::Command;

    use super::super::value::Value;
    use super::*;

    /// A folder with files to be changed, and journals.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("grantscope-recover-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn folder(&self) -> PathBuf {
            self.0.join("journals")
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap().trim().to_owned()
        }

        /// Has a process change something, as if it had done so itself.
        fn change(&self, owner: &Owner, what: impl FnOnce(&[Record]) -> io::Result<Record>) {
            let folder = self.folder();
            let folder = Folder::lock(&folder, LONGEST_WAIT).unwrap();
            let mut journals: Vec<Journal> = folder.journals().unwrap().into_iter().flatten().collect();
            let all: Vec<Record> = journals.iter().flat_map(|journal| journal.changed.clone()).collect();
            let record = what(&all).unwrap();
            let own = journals.iter().position(|journal| journal.owner == *owner);
            let mut journal = own.map_or_else(|| Journal::of(owner.clone(), vec![]), |own| journals.remove(own));
            journal.changed.push(record.clone());
            folder.write(&journal).unwrap();
            record.make().unwrap();
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// A process that is gone: its pid is free, or now belongs to one that started at another time.
    fn gone(younger_by: u64) -> Owner {
        let mut child = Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        let mut owner = serde_json::to_value(Owner::this().unwrap()).unwrap();
        owner["pid"] = pid.into();
        owner["started_ticks"] = younger_by.into();
        owner["arguments"] = serde_json::json!(["run", "--scenario", format!("number-{younger_by}")]);
        serde_json::from_value(owner).unwrap()
    }

    #[test]
    fn what_killed_runs_left_is_put_back_once_and_what_a_living_one_needs_stays() {
        let place = Place::new("all");
        fs::write(place.path("limit"), "1024\n").unwrap();
        fs::write(place.path("level"), "7 4 1 7\n").unwrap();
        let more = |by| {
            let path = place.path("limit");
            move |others: &[Record]| Ok(Record::Value(Value::added(&path, by, &Record::values(others))?))
        };
        let (first, second) = (gone(1), gone(2));
        place.change(&first, more(900));
        place.change(&first, more(76));
        place.change(&second, more(1000));
        place.change(&Owner::this().unwrap(), more(10));
        place.change(&second, |others| Ok(Record::Value(Value::set(&place.path("level"), "1", &Record::values(others))?)));
        let recovered = recover_in(&place.folder()).unwrap();
        assert_eq!((place.text("limit").as_str(), place.text("level").as_str()), ("1034", "7"));
        assert_eq!(recovered.problems, [""; 0]);
        assert_eq!(recovered.at_work.len(), 1);
        let texts: Vec<String> =
            recovered.reports.iter().map(|text| text.replace(&*place.0.to_string_lossy(), "PLACE")).collect();
        let number = |owner: &Owner| format!("a run that was killed (pid {}: run --scenario number-", owner.pid);
        assert_eq!(
            texts,
            [
                format!("{}2) left PLACE/level at 1: restored to 7", number(&second)),
                format!("{}2) left PLACE/limit at 3010: restored to 2010, which other runs still need", number(&second)),
                format!("{}1) left PLACE/limit at 2010: restored to 1034, which other runs still need", number(&first)),
            ]
        );
        let again = recover_in(&place.folder()).unwrap();
        assert!(again.is_nothing(), "{again:?}");
        assert_eq!(again.at_work.len(), 1);
    }

    #[test]
    fn what_cannot_be_put_back_stays_noted_and_a_broken_journal_is_named() {
        let place = Place::new("failed");
        fs::write(place.path("level"), "7\n").unwrap();
        place.change(&gone(1), |others| Ok(Record::Value(Value::set(&place.path("level"), "1", &Record::values(others))?)));
        fs::remove_file(place.path("level")).unwrap();
        fs::create_dir(place.path("level")).unwrap();
        fs::write(place.path("journals/workload-1.json"), "{}").unwrap();
        let problems = |()| recover_in(&place.folder()).unwrap().problems;
        assert_eq!(problems(()).len(), 2, "{:?}", problems(()));
        assert!(problems(()).iter().any(|problem| problem.contains("level at 1, and it cannot be read")));
        assert!(
            problems(())
                .iter()
                .any(|problem| problem.contains("workload-1.json cannot be read") && problem.contains("delete it"))
        );
    }

    #[test]
    fn what_a_reboot_has_put_back_is_not_reported() {
        let place = Place::new("boot");
        fs::write(place.path("limit"), "1024\n").unwrap();
        let mut owner = serde_json::to_value(gone(1)).unwrap();
        owner["boot_id"] = "another".into();
        let owner: Owner = serde_json::from_value(owner).unwrap();
        place.change(&owner, |others| Ok(Record::Value(Value::added(&place.path("limit"), 1, &Record::values(others))?)));
        assert!(recover_in(&place.folder()).unwrap().is_nothing());
        assert_eq!(place.text("limit"), "1025", "what is there now is this boot's");
        assert_eq!(fs::read_dir(place.path("journals")).unwrap().count(), 1, "only the lock stays");
    }

    #[test]
    fn nothing_is_left_where_nothing_was_ever_noted() {
        let nowhere = Path::new("/nowhere/at/all");
        assert!(recover_in(nowhere).unwrap().is_nothing());
        assert!(!nowhere.exists(), "looking makes no folder");
    }
}
