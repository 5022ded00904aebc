//! A setting of the kernel's that runs give another value.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Left, Undone};

/// A setting, by the first word of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The kernel's file.
    path: PathBuf,
    /// What it was before any run set it.
    before: String,
    /// What this run set.
    set: String,
}

impl Setting {
    /// To set it to `value`, where `others` may have done so already.
    pub fn to(path: &Path, value: &str, others: &[Left]) -> std::io::Result<Self> {
        let now = read(path)?;
        let earlier = of_path(path, others).find(|other| other.set == now);
        let before = earlier.map_or(now, |other| other.before.clone());
        Ok(Self { path: path.to_owned(), before, set: value.to_owned() })
    }

    pub(super) fn make(&self) -> std::io::Result<()> {
        fs::write(&self.path, &self.set)
    }

    pub(super) fn undo(&self, others: &[Left]) -> Undone {
        let Self { before, set, .. } = self;
        let path = self.path.display();
        let now = match read(&self.path) {
            Ok(now) => now,
            Err(error) if error.kind() == ErrorKind::NotFound => return Undone::Nothing,
            Err(error) => return Undone::Failed(format!("{path} at {set}, and it cannot be read: {error}; look at it as root")),
        };
        // Whoever else needs it as it is puts it back later.
        if now == *before || of_path(&self.path, others).any(|other| other.set == *set) {
            return Undone::Nothing;
        }
        if now != *set {
            return Undone::LeftAlone(format!(
                "{path} at {set}, and somebody else has set it to {now} since: left at that; it was {before} before"
            ));
        }
        match fs::write(&self.path, before) {
            Ok(()) => Undone::Done(format!("{path} at {set}: put back to {before}")),
            Err(error) => {
                Undone::Failed(format!("{path} at {set}, and it cannot be put back: {error}; write {before} there as root"))
            }
        }
    }
}

fn of_path<'a>(path: &'a Path, others: &'a [Left]) -> impl Iterator<Item = &'a Setting> {
    others.iter().filter_map(move |other| match other {
        Left::Setting(setting) if setting.path == path => Some(setting),
        _ => None,
    })
}

fn read(path: &Path) -> std::io::Result<String> {
    Ok(fs::read_to_string(path)?.split_whitespace().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_those_who_set_it_puts_it_back() {
        let path = std::env::temp_dir().join(format!("grantscope-setting-{}", std::process::id()));
        fs::write(&path, "7\t4\t1\t7\n").unwrap();
        let set = |others: &[Left]| {
            let setting = Setting::to(&path, "1", others).unwrap();
            setting.make().unwrap();
            Left::Setting(setting)
        };
        let first = set(&[]);
        let second = set(std::slice::from_ref(&first));
        assert_eq!(first.undo(std::slice::from_ref(&second)), Undone::Nothing);
        assert_eq!(read(&path).unwrap(), "1", "the second one still needs it");
        assert!(matches!(second.undo(&[]), Undone::Done(_)));
        assert_eq!(read(&path).unwrap(), "7");
        let third = set(&[]);
        fs::write(&path, "4\n").unwrap();
        assert!(
            matches!(third.undo(&[]), Undone::LeftAlone(text) if text.contains("set it to 4 since") && text.ends_with("it was 7 before"))
        );
        fs::remove_file(&path).unwrap();
    }
}
