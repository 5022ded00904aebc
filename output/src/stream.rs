//! A file that is written as it comes, and that keeps what is in it until the first byte does.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::id::FileId;
use crate::lock::{Lock, hold};
use crate::target::Target;

/// An output that is written from the start to the end.
#[derive(Debug)]
pub struct Stream {
    file: File,
    untouched: Option<Untouched>,
    /// Of a regular file, where there are locks.
    _lock: Option<Lock>,
}

/// Nothing was written yet.
#[derive(Debug)]
enum Untouched {
    /// A file that was made for it, and goes again if nothing comes.
    Made(PathBuf),
    /// A file with something in it.
    Old,
    /// There is nothing to empty.
    Other,
}

impl Stream {
    pub(crate) fn new(target: Target) -> io::Result<Self> {
        let (file, untouched, lock) = match target {
            Target::Nothing { path } => {
                // Not the file of somebody who was quicker: that one was not looked at.
                let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
                let lock = hold(&file)?;
                (file, Untouched::Made(path), lock)
            }
            Target::File { file, .. } => {
                let lock = hold(&file)?;
                (file, Untouched::Old, lock)
            }
            Target::Descriptor { file, .. } | Target::Device(file) => (file, Untouched::Other, None),
        };
        Ok(Self { file, untouched: Some(untouched), _lock: lock })
    }

    /// The file that is written; `None`: it is none.
    pub fn id(&self) -> Option<FileId> {
        FileId::of(&self.file)
    }

    /// Empties it, if that was not done yet.
    pub(crate) fn begin(&mut self) -> io::Result<()> {
        if let Some(Untouched::Old) = self.untouched {
            self.file.set_len(0)?;
        }
        self.untouched = None;
        Ok(())
    }

    pub(crate) fn shared(&mut self) -> io::Result<File> {
        self.begin()?;
        self.file.try_clone()
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.begin()?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(Untouched::Made(path)) = &self.untouched
            && FileId::at(path) == self.id()
        {
            // Best effort: an empty file harms nobody.
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::Output;

    #[test]
    fn what_is_there_stays_until_the_first_byte() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "an older and longer text").unwrap();
        let before = file.metadata().unwrap().ino();
        drop(Output::open(&file).unwrap().stream().unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "an older and longer text");
        let mut stream = Output::open(&file).unwrap().stream().unwrap();
        stream.write_all(b"new").unwrap();
        stream.write_all(b"er").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "newer");
        assert_eq!(file.metadata().unwrap().ino(), before);
    }

    #[test]
    fn a_file_that_was_made_for_nothing_goes_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let stream = Output::open(&file).unwrap().stream().unwrap();
        assert!(file.exists() && stream.id() == FileId::at(&file));
        drop(stream);
        assert!(!file.exists());
        let mut stream = Output::open(&file).unwrap().stream().unwrap();
        stream.write_all(b"new").unwrap();
        drop(stream);
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }

    #[test]
    fn what_another_one_writes_is_written_by_no_second_one_until_that_is_done() {
        let folder = tempfile::tempdir().unwrap();
        for (name, old) in [("new", None), ("old", Some("old"))] {
            let file = folder.path().join(name);
            old.into_iter().for_each(|text| fs::write(&file, text).unwrap());
            let mut first = Output::open(&file).unwrap().stream().unwrap();
            first.write_all(b"first").unwrap();
            let refused = Output::open(&file).unwrap().stream().map(drop).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy, "{refused}");
            let refused = Output::open(&file).unwrap().draft(".part").map(drop).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ResourceBusy, "{refused}");
            first.write_all(b" and more").unwrap();
            drop(first);
            assert_eq!(fs::read_to_string(&file).unwrap(), "first and more");
            Output::open(&file).unwrap().stream().unwrap().write_all(b"second").unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), "second");
        }
    }

    #[test]
    fn a_device_is_not_emptied() {
        let mut stream = Output::open("/dev/null".as_ref()).unwrap().stream().unwrap();
        stream.write_all(b"new").unwrap();
    }
}
