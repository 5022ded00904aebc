//! A value in a file of the kernel that runs change, restored correctly in whatever order they end.
//!
//! A number that several runs add to is its `base` and what all of them have added; each subtracts its own part. A setting that several
//! runs need is restored by the last one. A value that is neither was changed by another program, and is left alone.

use std::fs::OpenOptions;
use std::io::{self, Error, ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::known::Form;
use super::private::open;
use super::undone::Undone;

/// A run's change of a file of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    path: PathBuf,
    #[serde(flatten)]
    change: Change,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Change {
    /// The number before any run added to it, and this run's addition.
    Added { base: i64, by: i64 },
    /// The first word before any run set it, and what this run set.
    Set { before: String, set: String },
}

impl Value {
    /// To add `by` to the number in `path`, where `others` may have added to it already.
    ///
    /// # Errors
    /// The file cannot be read, or holds no number.
    pub fn added(path: &Path, by: i64, others: &[Self]) -> Result<Self> {
        let now = number(path)?;
        let earlier = of_path(path, others).filter(|other| other.sum(others) == Some(now)).find_map(Self::base);
        Ok(Self { path: path.to_owned(), change: Change::Added { base: earlier.unwrap_or(now), by } })
    }

    /// To set the first word of `path` to `value`, where `others` may have set it already.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn set(path: &Path, value: &str, others: &[Self]) -> Result<Self> {
        let now = first_word(path)?;
        let earlier = of_path(path, others).find_map(|other| match &other.change {
            Change::Set { before, set } if *set == now => Some(before.clone()),
            _ => None,
        });
        let change = Change::Set { before: earlier.unwrap_or(now), set: value.to_owned() };
        Ok(Self { path: path.to_owned(), change })
    }

    /// The change, if no run can have made it: of a file that runs do not change, or to or from a value that such a file does not have.
    pub(super) fn forged(&self) -> Option<String> {
        let is_ours = Form::of(&self.path).is_some_and(|form| match &self.change {
            Change::Added { base, by } => {
                let sum = base.checked_add(*by);
                form.numbers().contains(base) && sum.is_some_and(|sum| form.numbers().contains(&sum))
            }
            Change::Set { before, set } => form.has(before) && form.has(set),
        });
        (!is_ours).then(|| format!("a change of {}", self.path.display()))
    }

    /// Merges another part of the same sum; whether it was one.
    pub(super) fn merge(&mut self, other: &Self) -> bool {
        match (&mut self.change, &other.change) {
            (Change::Added { base, by }, Change::Added { base: same, by: more }) if self.path == other.path && base == same => {
                *by += more;
                true
            }
            _ => false,
        }
    }

    pub(super) fn make(&self) -> Result<()> {
        match &self.change {
            Change::Added { by: 0, .. } => Ok(()),
            Change::Added { by, .. } => {
                let now = number(&self.path)?;
                let sum = now.checked_add(*by).ok_or_else(|| Error::other(format!("{now} and {by} more is too much for it")))?;
                write(&self.path, &sum.to_string())
            }
            Change::Set { set, .. } => write(&self.path, set),
        }
    }

    pub(super) fn undo(&self, others: &[Self]) -> Undone {
        let path = self.path.display();
        let (set, restored, still_needed, otherwise) = match &self.change {
            Change::Added { base, by } => {
                let without = self.sum(others).unwrap_or(*base);
                let still_needed = if without == *base { "" } else { ", which other runs still need" };
                let otherwise = format!("without the run it would be {without}");
                ((without + by).to_string(), without.to_string(), still_needed, otherwise)
            }
            // The last run that needs it as it is restores it.
            Change::Set { .. } if of_path(&self.path, others).any(|other| other.sets_the_same(self)) => return Undone::Nothing,
            Change::Set { before, set } => (set.clone(), before.clone(), "", format!("it was {before} before")),
        };
        let now = match first_word(&self.path) {
            Ok(now) => now,
            // The driver is gone, and its limit with it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Undone::Nothing,
            Err(error) => return Undone::Failed(format!("{path} at {set}, and it cannot be read: {error}; look at it as root")),
        };
        // Also where the run was killed after recording the change, and before making it.
        if now == restored {
            return Undone::Nothing;
        }
        if now != set {
            return Undone::LeftAlone(format!(
                "{path} at {set}, and another program has set it to {now} since: left at that; {otherwise}"
            ));
        }
        match write(&self.path, &restored) {
            Ok(()) => Undone::Done(format!("{path} at {set}: restored to {restored}{still_needed}")),
            Err(error) => {
                Undone::Failed(format!("{path} at {set}, and it cannot be restored: {error}; write {restored} there as root"))
            }
        }
    }

    /// The number with the others' parts alone.
    fn sum(&self, others: &[Self]) -> Option<i64> {
        let base = self.base()?;
        let parts = of_path(&self.path, others).filter_map(|other| match other.change {
            Change::Added { base: same, by } if same == base => Some(by),
            _ => None,
        });
        Some(base + parts.sum::<i64>())
    }

    fn base(&self) -> Option<i64> {
        if let Change::Added { base, .. } = self.change { Some(base) } else { None }
    }

    fn sets_the_same(&self, other: &Self) -> bool {
        matches!((&self.change, &other.change), (Change::Set { set, .. }, Change::Set { set: same, .. }) if set == same)
    }
}

fn of_path<'a>(path: &'a Path, values: &'a [Value]) -> impl Iterator<Item = &'a Value> {
    values.iter().filter(move |value| value.path == path)
}

fn first_word(path: &Path) -> Result<String> {
    let text = io::read_to_string(open(path, OpenOptions::new().read(true), 0)?)?;
    Ok(text.split_whitespace().next().unwrap_or_default().to_owned())
}

fn number(path: &Path) -> Result<i64> {
    let word = first_word(path)?;
    word.parse().map_err(|_| Error::other(format!("it holds {word:?}, which is not a number")))
}

fn write(path: &Path, value: &str) -> Result<()> {
    let Some(form) = Form::of(path) else { return Err(Error::other("it is not a file that runs change")) };
    if !form.has(value) {
        return Err(Error::other(format!("{value:?} is no value for it")));
    }
    // Not created where it does not exist: sysfs would answer EACCES, which would mislead.
    open(path, OpenOptions::new().write(true).truncate(true), 0)?.write_all(value.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn no_file_is_written_that_is_not_the_kernels_or_that_is_a_link() {
        assert_eq!(write(Path::new("/etc/passwd"), "1").unwrap_err().to_string(), "it is not a file that runs change");
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&file, "5\n").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(write(&link, "6").is_err() && first_word(&link).is_err());
        assert_eq!(write(&file, "|/bin/sh").unwrap_err().to_string(), "\"|/bin/sh\" is no value for it");
        assert_eq!(number(&file).unwrap(), 5);
    }

    #[test]
    fn a_sum_that_no_run_adds_up_to_is_forged() {
        let path = std::env::temp_dir().join("limit");
        let forged = |base, by| Value { path: path.clone(), change: Change::Added { base, by } }.forged().is_some();
        assert!(!forged(1024, 976) && !forged(1024, -1024));
        assert!(forged(1024, -1025) && forged(-1, 1) && forged(1, i64::MAX) && forged(i64::MAX, 0));
    }

    /// A limit that runs raise one after the other.
    struct Limit {
        path: PathBuf,
        raised: Vec<Value>,
    }

    impl Limit {
        fn at(name: &str, value: i64) -> Self {
            let path = std::env::temp_dir().join(format!("grantscope-number-{name}-{}", std::process::id()));
            fs::write(&path, format!("{value}\n")).unwrap();
            Self { path, raised: Vec::new() }
        }

        fn raise(&mut self, by: i64) -> Value {
            let number = Value::added(&self.path, by, &self.raised).unwrap();
            number.make().unwrap();
            self.raised.push(number.clone());
            number
        }

        fn undo(&mut self, which: &Value) -> Undone {
            let place = self.raised.iter().position(|other| other == which).unwrap();
            self.raised.remove(place);
            which.undo(&self.raised)
        }

        fn now(&self) -> i64 {
            number(&self.path).unwrap()
        }
    }

    impl Drop for Limit {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.path);
        }
    }

    #[test]
    fn runs_that_overlap_may_end_in_any_order() {
        for first_ends_first in [true, false] {
            let mut limit = Limit::at("overlap", 1024);
            let (first, second) = (limit.raise(976), limit.raise(1000));
            assert_eq!(limit.now(), 3000);
            let by = |record: &Value| match record.change {
                Change::Added { by, .. } => by,
                Change::Set { .. } => panic!("it was added to"),
            };
            let (ends, stays) = if first_ends_first { (&first, &second) } else { (&second, &first) };
            assert!(matches!(limit.undo(ends), Undone::Done(_)));
            assert_eq!(limit.now(), 1024 + by(stays), "the other still needs its part");
            assert!(matches!(limit.undo(stays), Undone::Done(_)));
            assert_eq!(limit.now(), 1024);
        }
    }

    #[test]
    fn what_somebody_else_set_meanwhile_is_left_as_it_is() {
        let mut limit = Limit::at("foreign", 1024);
        let raised = limit.raise(976);
        fs::write(&limit.path, "5000\n").unwrap();
        // A run that comes after that starts from there, and finds it again.
        let later = limit.raise(100);
        let Undone::LeftAlone(text) = limit.undo(&raised) else { panic!("it was changed") };
        assert!(
            text.ends_with("another program has set it to 5100 since: left at that; without the run it would be 1024"),
            "{text}"
        );
        assert!(matches!(limit.undo(&later), Undone::Done(_)));
        assert_eq!(limit.now(), 5000);
    }

    #[test]
    fn what_was_noted_and_not_changed_needs_nothing() {
        let mut limit = Limit::at("early", 1024);
        let noted = Value::added(&limit.path, 976, &[]).unwrap();
        assert_eq!(noted.undo(&[]), Undone::Nothing);
        // Nor does one whose run was killed between the two while another's part is there.
        let raised = limit.raise(10);
        let noted = Value::added(&limit.path, 976, std::slice::from_ref(&raised)).unwrap();
        assert_eq!(noted.undo(std::slice::from_ref(&raised)), Undone::Nothing);
        assert_eq!(limit.now(), 1034);
    }

    #[test]
    fn a_number_that_went_with_its_driver_needs_nothing_and_is_not_created() {
        let path = Path::new("/tmp/grantscope-no-such-limit");
        assert!(Value::added(path, 1, &[]).is_err());
        let number = Value { path: path.to_owned(), change: Change::Added { base: 1, by: 1 } };
        assert_eq!(number.undo(&[]), Undone::Nothing);
        assert!(number.make().is_err() && !path.exists());
    }

    #[test]
    fn the_last_of_those_who_set_it_puts_it_back() {
        let path = std::env::temp_dir().join(format!("grantscope-setting-{}", std::process::id()));
        fs::write(&path, "7\t4\t1\t7\n").unwrap();
        let set = |others: &[Value]| {
            let setting = Value::set(&path, "1", others).unwrap();
            setting.make().unwrap();
            setting
        };
        let first = set(&[]);
        let second = set(std::slice::from_ref(&first));
        assert_eq!(first.undo(std::slice::from_ref(&second)), Undone::Nothing);
        assert_eq!(first_word(&path).unwrap(), "1", "the second one still needs it");
        assert!(matches!(second.undo(&[]), Undone::Done(_)));
        assert_eq!(first_word(&path).unwrap(), "7");
        let third = set(&[]);
        fs::write(&path, "4\n").unwrap();
        assert!(
            matches!(third.undo(&[]), Undone::LeftAlone(text) if text.contains("set it to 4 since") && text.ends_with("it was 7 before"))
        );
        fs::remove_file(&path).unwrap();
    }
}
