//! Who else can change what a path leads to.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// Permission to write for a file's group, and for everybody.
const OTHERS_WRITE: u32 = 0o022;
/// In a folder with this bit everybody renames and deletes what is his own only (`S_ISVTX`, inode(7)).
const STICKY: u32 = 0o1000;

/// Why others can change what is in this folder that is not theirs, there or from a folder above; `None`: they cannot.
///
/// # Errors
/// It cannot be looked at.
pub fn open_to_others(folder: &Path) -> io::Result<Option<String>> {
    for path in folder.canonicalize()?.ancestors() {
        if let Some(why) = why(path, &path.metadata()?) {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

fn why(path: &Path, folder: &Metadata) -> Option<String> {
    let (owner, mode, this) = (folder.uid(), folder.mode(), geteuid().as_raw());
    if owner != this && owner != 0 {
        return Some(format!("{} belongs to the user {owner}, and not to {this}, who runs this", path.display()));
    }
    let is_open = mode & OTHERS_WRITE != 0 && mode & STICKY == 0;
    is_open.then(|| format!("others can write {} (mode {:03o})", path.display(), mode & 0o777))
}

/// The folder that a new file of this name would be in.
pub fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}
