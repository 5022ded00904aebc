//! A file that has its name only when it is whole.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::id::FileId;
use crate::lock::hold;
use crate::stream::Stream;
use crate::target::Target;

/// What is being written; gone if it is dropped before [`commit`](Draft::commit).
#[derive(Debug)]
pub struct Draft(Kind);

#[derive(Debug)]
enum Kind {
    /// A file beside the target, which takes its name.
    Beside { path: PathBuf, temporary: NamedTempFile },
    /// What cannot be replaced.
    InPlace(Stream),
}

impl Draft {
    pub(crate) fn new(target: Target, suffix: &str) -> io::Result<Self> {
        let kind = match target {
            Target::Nothing { path } => Kind::Beside { temporary: beside(&path, suffix, 0o666)?, path },
            Target::File { path, file } => {
                // What another one goes on to write would be in a file without a name.
                drop(hold(&file)?);
                match replacement(&path, &file, suffix)? {
                    Some(temporary) => Kind::Beside { path, temporary },
                    None => Kind::InPlace(Stream::new(Target::File { path, file })?),
                }
            }
            other => Kind::InPlace(Stream::new(other)?),
        };
        Ok(Self(kind))
    }

    /// The file that it is to become, and its own until then; `None`: it is written in place.
    pub fn names(&self) -> Option<(&Path, &Path)> {
        match &self.0 {
            Kind::Beside { path, temporary } => Some((path, temporary.path())),
            Kind::InPlace(_) => None,
        }
    }

    /// Takes away what was there before: from here on the name leads to something new or to nothing.
    ///
    /// # Errors
    /// The old file cannot be removed or emptied.
    pub fn discard_old(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Beside { path, .. } => match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
            Kind::InPlace(stream) => stream.begin(),
        }
    }

    /// The open file, for a process that writes to it as well. What is written in place is emptied by this.
    ///
    /// # Errors
    /// No further descriptor is to be had, or it cannot be emptied.
    pub fn shared(&mut self) -> io::Result<File> {
        match &mut self.0 {
            Kind::Beside { temporary, .. } => temporary.as_file().try_clone(),
            Kind::InPlace(stream) => stream.shared(),
        }
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// It cannot be written out or renamed. What was there is then as it was, unless it is written in place.
    pub fn commit(self) -> io::Result<()> {
        match self.0 {
            Kind::Beside { path, temporary } => {
                // Otherwise a machine that goes down now may have the name without the bytes.
                temporary.as_file().sync_all()?;
                temporary.persist(path)?;
                Ok(())
            }
            // Also where nothing was written: an empty file is what is to be there then.
            Kind::InPlace(mut stream) => stream.begin(),
        }
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::Beside { temporary, .. } => temporary.write(bytes),
            Kind::InPlace(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::Beside { temporary, .. } => temporary.flush(),
            Kind::InPlace(stream) => stream.flush(),
        }
    }
}

/// A new file in the folder of `path`, made with O_EXCL under a name that nobody can foretell. The umask takes from its mode.
fn beside(path: &Path, suffix: &str, mode: u32) -> io::Result<NamedTempFile> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(ErrorKind::IsADirectory.into()) };
    let mut prefix = name.to_owned();
    prefix.push(".");
    Builder::new().prefix(&prefix).suffix(suffix).permissions(Permissions::from_mode(mode)).tempfile_in(folder)
}

/// A file with the owner and the mode of the one it is to replace; `None`: that one has to be written in place, because it has other
/// names, something is mounted on it, it is not where its name led a moment ago, or its folder or its owner do not let this process put another in its place.
fn replacement(path: &Path, file: &File, suffix: &str) -> io::Result<Option<NamedTempFile>> {
    let before = file.metadata()?;
    let folder = path.parent().map(fs::metadata).transpose()?;
    let is_there = fs::symlink_metadata(path).is_ok_and(|now| FileId::from(&now) == FileId::from(&before));
    if !is_there || before.nlink() != 1 || folder.is_none_or(|folder| folder.dev() != before.dev()) {
        return Ok(None);
    }
    let made = beside(path, suffix, 0o600).and_then(|made| like(&before, made.as_file()).map(|()| made));
    match made {
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => Ok(None),
        made => made.map(Some),
    }
}

fn like(before: &Metadata, file: &File) -> io::Result<()> {
    let now = file.metadata()?;
    if (now.uid(), now.gid()) != (before.uid(), before.gid()) {
        fchown(file, Some(before.uid()), Some(before.gid()))?;
    }
    // Without set-user-ID and the like, which writing takes from a file as well.
    file.set_permissions(Permissions::from_mode(before.mode() & 0o777))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use nix::unistd::{geteuid, mkfifo};

    use super::*;
    use crate::Output;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        let mut draft = Output::open(path)?.draft(".part")?;
        draft.write_all(text.as_bytes())?;
        draft.commit()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_link_is_followed_and_the_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o604)).unwrap();
        symlink("file", &link).unwrap();
        write(&link, "new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o604);
        assert_eq!(names(folder.path()), ["file", "link"]);
    }

    #[test]
    fn the_owner_stays() {
        // Only root can give a file away.
        if !geteuid().is_root() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::chown(&file, Some(1234), Some(4321)).unwrap();
        write(&file, "new").unwrap();
        let after = file.metadata().unwrap();
        assert_eq!((after.uid(), after.gid(), after.len()), (1234, 4321, 3));
    }

    #[test]
    fn a_new_file_has_the_mode_of_any_other() {
        let folder = tempfile::tempdir().unwrap();
        let [ours, other] = ["ours", "other"].map(|name| folder.path().join(name));
        write(&ours, "new").unwrap();
        fs::write(&other, "").unwrap();
        assert_eq!(ours.metadata().unwrap().mode(), other.metadata().unwrap().mode());
    }

    #[test]
    fn drafts_touch_nobody_elses_file_and_follow_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().join(name);
        fs::write(inside("z.csv.part"), "somebody's").unwrap();
        symlink("victim", inside("y.csv.part")).unwrap();
        for name in ["z.csv", "y.csv"] {
            let [first, second] = [0, 1].map(|_| Output::open(&inside(name)).unwrap().draft(".part").unwrap());
            assert_ne!(first.names(), second.names());
            drop(second);
            first.commit().unwrap();
        }
        assert_eq!(fs::read_to_string(inside("z.csv.part")).unwrap(), "somebody's");
        assert_eq!(names(folder.path()), ["y.csv", "y.csv.part", "z.csv", "z.csv.part"]);
    }

    #[test]
    fn a_draft_that_is_dropped_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "old").unwrap();
        let mut draft = Output::open(&file).unwrap().draft(".part").unwrap();
        draft.write_all(b"half").unwrap();
        drop(draft);
        assert_eq!((fs::read_to_string(&file).unwrap().as_str(), names(folder.path()).len()), ("old", 1));
    }

    #[test]
    fn a_file_with_another_name_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let [file, hard] = ["file", "hard"].map(|name| folder.path().join(name));
        fs::write(&file, "an older and longer text").unwrap();
        fs::hard_link(&file, &hard).unwrap();
        write(&file, "new").unwrap();
        assert_eq!(FileId::at(&file), FileId::at(&hard));
        assert_eq!(fs::read_to_string(&hard).unwrap(), "new");
    }

    #[test]
    fn a_pipe_stays_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mkfifo(&pipe, Mode::from_bits_truncate(0o600)).unwrap();
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read_to_string(pipe)
        });
        write(&pipe, "new").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), "new");
        assert_eq!(names(folder.path()), ["pipe"]);
        assert_eq!(FileId::at(&pipe), None);
    }
}
