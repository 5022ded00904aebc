//! A number of the kernel's that several runs add to: it is right again in whichever order they end.

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Left, Undone};

/// What one run added to a number.
///
/// The number is its `base` and what all runs together have added. Whoever ends takes his own part away; that somebody else has changed
/// it shows in that it is not this sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// The kernel's file.
    path: PathBuf,
    /// What it was before any run added to it.
    base: i64,
    /// What this run added.
    by: i64,
}

impl Number {
    /// To add `by` to what it is now, where `others` may have added to it already.
    pub fn more(path: &Path, by: i64, others: &[Left]) -> std::io::Result<Self> {
        let now = read(path)?;
        let base = others.iter().filter_map(Left::number).find(|other| other.path == path && other.sum(others) == now);
        Ok(Self { path: path.to_owned(), base: base.map_or(now, |other| other.base), by })
    }

    /// Takes in another part of the same sum; whether it was one.
    pub(super) fn take_in(&mut self, other: &Self) -> bool {
        let is_same = self.path == other.path && self.base == other.base;
        self.by += if is_same { other.by } else { 0 };
        is_same
    }

    pub(super) fn make(&self) -> std::io::Result<()> {
        match self.by {
            0 => Ok(()),
            by => write(&self.path, read(&self.path)? + by),
        }
    }

    pub(super) fn undo(&self, others: &[Left]) -> Undone {
        let path = self.path.display();
        let without = self.sum(others);
        let set = without + self.by;
        let now = match read(&self.path) {
            Ok(now) => now,
            // The driver is gone, and its limit with it.
            Err(error) if error.kind() == ErrorKind::NotFound => return Undone::Nothing,
            Err(error) => return Undone::Failed(format!("{path} at {set}, and it cannot be read: {error}; look at it as root")),
        };
        // Also where the run was killed after noting it, before it came to changing it.
        if now == without {
            return Undone::Nothing;
        }
        if now != set {
            return Undone::LeftAlone(format!(
                "{path} at {set}, and somebody else has set it to {now} since: left at that; without the run it would be {without}"
            ));
        }
        match write(&self.path, without) {
            Ok(()) if without == self.base => Undone::Done(format!("{path} at {set}: put back to {without}")),
            Ok(()) => Undone::Done(format!("{path} at {set}: put back to {without}, which other runs still need")),
            Err(error) => {
                Undone::Failed(format!("{path} at {set}, and it cannot be put back: {error}; write {without} there as root"))
            }
        }
    }

    /// What it would be with the others' parts alone.
    fn sum(&self, others: &[Left]) -> i64 {
        let same = others.iter().filter_map(Left::number).filter(|other| other.path == self.path && other.base == self.base);
        self.base + same.map(|other| other.by).sum::<i64>()
    }
}

fn read(path: &Path) -> std::io::Result<i64> {
    let text = fs::read_to_string(path)?;
    text.trim().parse().map_err(|_| Error::other(format!("it says {text:?}, which is no number")))
}

fn write(path: &Path, value: i64) -> std::io::Result<()> {
    // Not created where it does not exist: sysfs would say EACCES, which would mislead.
    if !path.exists() {
        return Err(Error::from(ErrorKind::NotFound));
    }
    fs::write(path, value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limit that runs raise one after the other.
    struct Limit {
        path: PathBuf,
        raised: Vec<Left>,
    }

    impl Limit {
        fn at(name: &str, value: i64) -> Self {
            let path = std::env::temp_dir().join(format!("grantscope-number-{name}-{}", std::process::id()));
            fs::write(&path, format!("{value}\n")).unwrap();
            Self { path, raised: Vec::new() }
        }

        fn raise(&mut self, by: i64) -> Left {
            let number = Left::Number(Number::more(&self.path, by, &self.raised).unwrap());
            number.make().unwrap();
            self.raised.push(number.clone());
            number
        }

        fn undo(&mut self, which: &Left) -> Undone {
            let place = self.raised.iter().position(|other| other == which).unwrap();
            self.raised.remove(place);
            which.undo(&self.raised)
        }

        fn now(&self) -> i64 {
            read(&self.path).unwrap()
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
            let (ends, stays) = if first_ends_first { (&first, &second) } else { (&second, &first) };
            assert!(matches!(limit.undo(ends), Undone::Done(_)));
            assert_eq!(limit.now(), 1024 + stays.number().unwrap().by, "the other still needs its part");
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
            text.ends_with("somebody else has set it to 5100 since: left at that; without the run it would be 1024"),
            "{text}"
        );
        assert!(matches!(limit.undo(&later), Undone::Done(_)));
        assert_eq!(limit.now(), 5000);
    }

    #[test]
    fn what_was_noted_and_not_changed_needs_nothing() {
        let mut limit = Limit::at("early", 1024);
        let noted = Left::Number(Number::more(&limit.path, 976, &[]).unwrap());
        assert_eq!(noted.undo(&[]), Undone::Nothing);
        // Nor does one whose run was killed between the two while another's part is there.
        let raised = limit.raise(10);
        let noted = Left::Number(Number::more(&limit.path, 976, std::slice::from_ref(&raised)).unwrap());
        assert_eq!(noted.undo(std::slice::from_ref(&raised)), Undone::Nothing);
        assert_eq!(limit.now(), 1034);
    }

    #[test]
    fn a_number_that_went_with_its_driver_needs_nothing_and_is_not_created() {
        let path = Path::new("/tmp/grantscope-no-such-limit");
        assert!(Number::more(path, 1, &[]).is_err());
        let number = Number { path: path.to_owned(), base: 1, by: 1 };
        assert_eq!(number.undo(&[]), Undone::Nothing);
        assert!(number.make().is_err() && !path.exists());
    }
}
