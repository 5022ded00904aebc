//! What a name for output stands for.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf, absolute};

/// Links that are followed one after the other, as many as Linux follows (`MAXSYMLINKS` in include/linux/namei.h, v6.12).
const MOST_LINKS: usize = 40;

/// What a name stands for.
#[derive(Debug)]
pub enum Target {
    /// Nothing is there yet.
    Nothing {
        /// Where a file is to be, all links followed.
        path: PathBuf,
    },
    /// A regular file.
    File {
        /// Where it is, all links followed.
        path: PathBuf,
        /// Open for writing.
        file: File,
    },
    /// A file descriptor of a process, by its name in /proc: written from where it stands.
    Descriptor {
        /// Open for writing.
        file: File,
        /// It is this process's standard output.
        is_standard_output: bool,
    },
    /// A device or a pipe.
    Device(File),
}

impl Target {
    /// Opens it for writing, without emptying or creating anything.
    ///
    /// # Errors
    /// What is there cannot be written, or there is no folder for it.
    pub fn of(name: &Path) -> io::Result<Self> {
        if name.as_os_str().as_bytes().ends_with(b"/") {
            return Err(ErrorKind::IsADirectory.into());
        }
        let path = resolve(name)?;
        if is_descriptor(&path) {
            return descriptor(&path);
        }
        // By the name that was given, so that the kernel's own rules for links apply (fs.protected_symlinks).
        let file = match OpenOptions::new().write(true).open(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // A folder that is not there is known now, and not when something is to be written.
                path.parent().map(fs::metadata).transpose()?;
                return Ok(Self::Nothing { path });
            }
            other => other?,
        };
        Ok(if file.metadata()?.is_file() { Self::File { path, file } } else { Self::Device(file) })
    }
}

/// The path without links at its end, also where they lead to nothing, but up to the name of a descriptor in /proc: what such a link
/// says is a description, and no path.
fn resolve(name: &Path) -> io::Result<PathBuf> {
    let mut path = absolute(name)?;
    for _ in 0..MOST_LINKS {
        let (Some(folder), Some(last)) = (path.parent(), path.file_name()) else { return Err(ErrorKind::IsADirectory.into()) };
        let folder = folder.canonicalize()?;
        path = folder.join(last);
        if is_descriptor(&path) {
            return Ok(path);
        }
        match fs::read_link(&path) {
            Ok(link) => path = folder.join(link),
            // It is no link, or is not there.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links lead from one to the other"))
}

/// `/proc/PID/fd/N`.
fn is_descriptor(path: &Path) -> bool {
    path.starts_with("/proc") && path.parent().is_some_and(|folder| folder.file_name() == Some(OsStr::new("fd")))
}

/// Standard output and error as they are: another opening would begin at the start of the file again, over what is there.
fn descriptor(path: &Path) -> io::Result<Target> {
    let is_own = path.parent().map(Path::to_owned) == fs::canonicalize("/proc/self/fd").ok();
    let number = path.file_name().filter(|_| is_own).and_then(OsStr::to_str);
    let file = match number {
        Some("1") => io::stdout().as_fd().try_clone_to_owned()?.into(),
        Some("2") => io::stderr().as_fd().try_clone_to_owned()?.into(),
        _ => OpenOptions::new().append(true).open(path)?,
    };
    Ok(Target::Descriptor { file, is_standard_output: number == Some("1") })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_stands_for_what_it_leads_to_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let inside = |name: &str| folder.path().canonicalize().unwrap().join(name);
        fs::write(inside("file"), "old").unwrap();
        symlink("file", inside("link")).unwrap();
        symlink("link", inside("second")).unwrap();
        symlink("missing", inside("dangling")).unwrap();
        symlink("round", inside("round")).unwrap();
        let second = Target::of(&inside("second")).unwrap();
        assert!(matches!(second, Target::File { path, .. } if path == inside("file")));
        let dangling = Target::of(&inside("dangling")).unwrap();
        assert!(matches!(dangling, Target::Nothing { path } if path == inside("missing")));
        assert!(Target::of(&inside("round")).is_err());
        assert!(!inside("missing").exists() && fs::read(inside("file")).unwrap() == b"old");
    }

    #[test]
    fn what_cannot_be_written_is_known_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Target::of(&folder.path().join("no-folder/file")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
        assert_eq!(Target::of(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(Target::of(&folder.path().join("new/")).unwrap_err().kind(), ErrorKind::IsADirectory);
        assert_eq!(Target::of(Path::new("/")).unwrap_err().kind(), ErrorKind::IsADirectory);
    }

    #[test]
    fn devices_and_descriptors_are_written_as_they_are() {
        assert!(matches!(Target::of(Path::new("/dev/null")).unwrap(), Target::Device(_)));
        for (name, is_standard) in [("/dev/stdout", true), ("/proc/self/fd/1", true), ("/dev/fd/1", true), ("/dev/stderr", false)]
        {
            let output = Target::of(Path::new(name)).unwrap();
            let is_so = matches!(output, Target::Descriptor { is_standard_output, .. } if is_standard_output == is_standard);
            assert!(is_so, "{name}: {output:?}");
        }
    }
}
