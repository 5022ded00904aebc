//! Files that only this user can have written: what they say is done as root.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Error, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::unistd::geteuid;

/// Permission to write for a file's group, and for everybody.
const OTHERS_WRITE: u32 = 0o022;
/// A journal has some hundred bytes for each change.
const MOST_BYTES: u64 = 1 << 20;

/// Creates the folder if necessary, for its owner alone, and makes sure that it is one and that nobody else writes in it.
///
/// # Errors
/// It cannot be created, is a symbolic link or another user's, or others can write in it.
pub(super) fn folder(path: &Path) -> io::Result<()> {
    // The umask can only take from it.
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let folder = open(path, OpenOptions::new().read(true), libc::O_DIRECTORY)?;
    is_ours(&folder.metadata()?, "look into it for what runs may have left, then delete it with all that is in it")?;
    // Older builds let others read it.
    folder.set_permissions(Permissions::from_mode(0o700))
}

/// Opens a file to be locked, and creates it if necessary.
///
/// # Errors
/// It cannot be opened, is a link or no regular file, or others can write it.
pub(super) fn to_lock(path: &Path) -> io::Result<File> {
    let file = open(path, OpenOptions::new().write(true).create(true).mode(0o600), 0)?;
    is_regular(&file)?;
    Ok(file)
}

/// Reads a file.
///
/// # Errors
/// It cannot be read, is a link or no regular file, is too long, or others can write it.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let file = open(path, OpenOptions::new().read(true), 0)?;
    let length = is_regular(&file)?.len();
    if length > MOST_BYTES {
        return Err(Error::other(format!("it has {length} bytes, and no journal has more than {MOST_BYTES}")));
    }
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// Opens what is not a symbolic link, and waits for nobody at the other end of a pipe.
pub(super) fn open(path: &Path, options: &mut OpenOptions, flags: i32) -> io::Result<File> {
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | flags).open(path)
}

fn is_regular(file: &File) -> io::Result<Metadata> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Error::other("it is no regular file"));
    }
    is_ours(&metadata, "a run did not make it so")?;
    Ok(metadata)
}

fn is_ours(metadata: &Metadata, advice: &str) -> io::Result<()> {
    let (owner, mode, this) = (metadata.uid(), metadata.mode() & 0o777, geteuid().as_raw());
    let problem = if owner != this && owner != 0 {
        format!("it belongs to the user {owner}, and not to {this}, who runs this")
    } else if mode & OTHERS_WRITE != 0 {
        format!("others can write it (mode {mode:03o})")
    } else {
        return Ok(());
    };
    Err(Error::other(format!("{problem}, so what is recorded there may be forged: {advice}")))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use nix::sys::stat::{Mode, umask};
    use nix::unistd::mkfifo;

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    fn inside(folder: &tempfile::TempDir, name: &str) -> PathBuf {
        folder.path().join(name)
    }

    #[test]
    fn a_folder_is_its_owners_alone_whatever_the_umask() {
        let base = tempfile::tempdir().unwrap();
        // Of the whole process: other tests make files meanwhile, which are in folders of their own.
        let before = umask(Mode::empty());
        let made = folder(&inside(&base, "new"));
        umask(before);
        made.unwrap();
        assert_eq!(mode(&inside(&base, "new")), 0o700);
        fs::set_permissions(inside(&base, "new"), Permissions::from_mode(0o755)).unwrap();
        folder(&inside(&base, "new")).unwrap();
        assert_eq!(mode(&inside(&base, "new")), 0o700, "that others could read it is mended");
    }

    #[test]
    fn a_folder_that_others_can_write_is_refused_and_stays_as_it_is() {
        let base = tempfile::tempdir().unwrap();
        let path = inside(&base, "open");
        folder(&path).unwrap();
        for wrong in [0o777, 0o1777, 0o770, 0o702] {
            fs::set_permissions(&path, Permissions::from_mode(wrong)).unwrap();
            let error = folder(&path).unwrap_err().to_string();
            assert!(error.starts_with(&format!("others can write it (mode {:03o})", wrong & 0o777)), "{error}");
            assert!(error.ends_with("then delete it with all that is in it"), "{error}");
            assert_eq!(mode(&path), wrong);
        }
    }

    #[test]
    fn what_belongs_to_somebody_else_is_refused() {
        // Only root can give a file away.
        if !geteuid().is_root() {
            return;
        }
        let base = tempfile::tempdir().unwrap();
        let (path, file) = (inside(&base, "folder"), inside(&base, "workload-1.json"));
        folder(&path).unwrap();
        fs::write(&file, "{}").unwrap();
        for path in [&path, &file] {
            std::os::unix::fs::chown(path, Some(1234), None).unwrap();
        }
        assert!(folder(&path).unwrap_err().to_string().starts_with("it belongs to the user 1234, and not to 0"));
        assert!(read(&file).unwrap_err().to_string().starts_with("it belongs to the user 1234, and not to 0"));
    }

    #[test]
    fn links_pipes_and_what_is_too_long_are_refused_at_once() {
        let base = tempfile::tempdir().unwrap();
        let [file, link, pipe, long] = ["file", "link", "pipe", "long"].map(|name| inside(&base, name));
        fs::write(&file, "text").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&file).unwrap(), "text");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        File::create(&long).unwrap().set_len(MOST_BYTES + 1).unwrap();
        for path in [&link, &pipe, &long] {
            assert!(read(path).is_err(), "{path:?}");
        }
        assert!(to_lock(&link).is_err() && to_lock(&pipe).is_err());
        fs::set_permissions(&file, Permissions::from_mode(0o606)).unwrap();
        assert!(read(&file).unwrap_err().to_string().starts_with("others can write it (mode 606)"));
    }
}
