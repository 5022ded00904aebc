//! A truth file while its run is at work: under a temporary name, which a killed run leaves behind.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Guard, Record, Undone};
use crate::error::Result;
use crate::truth::{Call, Destination, Header, UNWRITTEN};

/// Where a run's truth goes.
pub struct TruthFile {
    destination: Destination,
    _guard: Option<Guard>,
}

impl TruthFile {
    /// Opens `path`; `-` is standard output.
    ///
    /// # Errors
    /// No file can be made there.
    pub fn open(path: &Path) -> Result<Self> {
        let destination = Destination::open(path)?;
        let unwritten = match &destination {
            Destination::File { path, temporary } => {
                Some(Unwritten { path: path.clone(), temporary: temporary.path().to_owned() })
            }
            Destination::StandardOutput | Destination::Device { .. } => None,
        };
        // There is nothing to make, so the only thing that can go wrong is a warning.
        let guard = unwritten.and_then(|unwritten| Guard::new(|_| Ok(Record::TruthFile(unwritten))).ok());
        Ok(Self { destination, _guard: guard })
    }

    /// Writes everything; see [`Destination::write`].
    ///
    /// # Errors
    /// It could not be written. Then it went to standard output, if possible.
    pub fn write(self, header: &Header, calls: &[Call]) -> Result<()> {
        self.destination.write(header, calls)
    }
}

/// A truth file that is not written yet, and the temporary file that is to become it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unwritten {
    path: PathBuf,
    temporary: PathBuf,
}

impl Unwritten {
    pub(super) fn undo(&self) -> Undone {
        let Self { path, temporary } = self;
        let (path, file) = (path.display(), temporary.display());
        // Nothing else is ever deleted, whatever a journal says.
        if !file.to_string().ends_with(UNWRITTEN) {
            return Undone::Failed(format!(
                "the truth file {path} unwritten, and {file}, which is not named as it should be; look at it"
            ));
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
        let unwritten = |name: &str| Unwritten { path: path.clone(), temporary: folder.path().join(name) };
        let killed = unwritten("truth.json.abc.unwritten");
        fs::write(&killed.temporary, "{\"format\":\"grantscope-truth\",\n\"calls\": [").unwrap();
        assert!(matches!(killed.undo(), Undone::Done(text) if text.contains("is lost; run it again")));
        assert!(!killed.temporary.exists());
        fs::write(&path, "{\"format\":\"grantscope-truth\",\n\"calls\": []\n}\n").unwrap();
        assert_eq!(killed.undo(), Undone::Nothing);
        assert!(matches!(unwritten("truth.json").undo(), Undone::Failed(_)), "that is no temporary file");
        assert!(path.exists());
    }

    #[test]
    fn what_is_no_file_needs_no_record() {
        assert!(TruthFile::open(Path::new("/dev/null")).unwrap()._guard.is_none());
        let folder = tempfile::tempdir().unwrap();
        assert!(TruthFile::open(&folder.path().join("truth.json")).unwrap()._guard.is_some());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a run that ends without writing leaves no file");
    }
}
