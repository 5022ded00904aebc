//! The truth file of a run in progress: it has a temporary name, under which a killed run leaves it.

use std::path::Path;

use super::guard::Guard;
use super::record::Record;
use super::unwritten::Unwritten;
use crate::error::Result;
use crate::truth::{Call, Destination, Header};

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
            Destination::Named { draft, .. } => draft.names().map(|(path, temporary)| Unwritten::new(path, temporary)),
            Destination::StandardOutput => None,
        };
        // This only records, and a failure to do so is a warning.
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_no_file_needs_no_record() {
        assert!(TruthFile::open(Path::new("/dev/null")).unwrap()._guard.is_none());
        let folder = tempfile::tempdir().unwrap();
        assert!(TruthFile::open(&folder.path().join("truth.json")).unwrap()._guard.is_some());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "a run that ends without writing leaves no file");
    }
}
