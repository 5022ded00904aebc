//! A truth file that a killed run left unwritten: its temporary file.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::undone::Undone;
use crate::truth::UNWRITTEN;

/// A truth file that is not written yet, and the temporary file that is to become it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwritten {
    path: PathBuf,
    temporary: PathBuf,
}

impl Unwritten {
    /// The truth file at `path`, which `temporary` is to become.
    pub(super) fn new(path: &Path, temporary: &Path) -> Self {
        Self { path: path.to_owned(), temporary: temporary.to_owned() }
    }

    /// Nothing is ever deleted but a temporary file beside the truth file, with that one's name in its own.
    pub(super) fn forged(&self) -> Option<String> {
        let Self { path, temporary } = self;
        let name = |path: &Path| path.file_name().map(|name| name.as_bytes().to_vec());
        let (Some(name), Some(temporary_name)) = (name(path), name(temporary)) else { return Some(self.describe()) };
        let is_ours = path.is_absolute()
            && path.parent() == temporary.parent()
            && temporary_name.starts_with(&[&name[..], b"."].concat())
            && temporary_name.ends_with(UNWRITTEN.as_bytes());
        (!is_ours).then(|| self.describe())
    }

    fn describe(&self) -> String {
        format!("the truth file {} unwritten, and {}", self.path.display(), self.temporary.display())
    }

    pub(super) fn undo(&self) -> Undone {
        let Self { path, temporary } = self;
        let (path, file) = (path.display(), temporary.display());
        if let Some(what) = self.forged() {
            return Undone::Failed(format!("{what}, which is not named as it should be; look at it"));
        }
        match fs::remove_file(temporary) {
            Ok(()) => Undone::Done(format!(
                "the truth file {path} unwritten: its temporary file is removed, and what that run measured is lost; run it again"
            )),
            // It was renamed, or its run deleted it.
            Err(error) if error.kind() == ErrorKind::NotFound => Undone::Nothing,
            Err(error) => {
                Undone::Failed(format!("the truth file {path} unwritten, and {file} cannot be removed: {error}; delete it"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_cut_short_is_removed_and_a_whole_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("truth.json");
        let unwritten = |name: &str| Unwritten::new(&path, &folder.path().join(name));
        let killed = unwritten("truth.json.abc.unwritten");
        fs::write(&killed.temporary, "{\"format\":\"grantscope-truth\",\n\"calls\": [").unwrap();
        assert!(matches!(killed.undo(), Undone::Done(text) if text.contains("is lost; run it again")));
        assert!(!killed.temporary.exists());
        fs::write(&path, "{\"format\":\"grantscope-truth\",\n\"calls\": []\n}\n").unwrap();
        assert_eq!(killed.undo(), Undone::Nothing);
        let others = ["truth.json", "truth.json.unwritten.json", "other.json.abc.unwritten", "../truth.json.abc.unwritten"];
        for name in others {
            assert!(matches!(unwritten(name).undo(), Undone::Failed(_)), "{name} is not its temporary file");
        }
        assert!(path.exists());
    }
}
