//! Which file it is, whatever name led to it.

use std::fs::{File, Metadata};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A regular file. What is none has no identity here: a terminal or `/dev/null` may well be read and written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that is open; `None`: it is no regular file, or not open.
    pub fn of(open: impl AsFd) -> Option<Self> {
        let file = File::from(open.as_fd().try_clone_to_owned().ok()?);
        Self::from(&file.metadata().ok()?)
    }

    /// The file that a path leads to; `None`: it is no regular file, or not there.
    pub fn at(path: &Path) -> Option<Self> {
        Self::from(&path.metadata().ok()?)
    }

    pub(crate) fn from(metadata: &Metadata) -> Option<Self> {
        metadata.is_file().then(|| Self { device: metadata.dev(), inode: metadata.ino() })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_the_same_by_all_its_names_and_a_device_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link, hard, copy] = ["file", "link", "hard", "copy"].map(|name| folder.path().join(name));
        fs::write(&file, "a").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        fs::hard_link(&file, &hard).unwrap();
        fs::copy(&file, &copy).unwrap();
        let id = FileId::of(File::open(&file).unwrap());
        assert!(id.is_some() && FileId::at(&link) == id && FileId::at(&hard) == id && FileId::at(&copy) != id);
        assert_eq!(FileId::at(Path::new("/dev/null")), None);
        assert_eq!(FileId::at(&folder.path().join("missing")), None);
    }
}
