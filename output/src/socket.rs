//! A socket with a name, for its owner alone: made whole, never over what another program listens at, and removed at the end.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io::{self, Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::guarded::{folder_of, open_to_others};

/// A socket that is listened at. Its name goes with it.
#[derive(Debug)]
pub struct Socket {
    /// Where connections come.
    pub listener: UnixListener,
    path: PathBuf,
    id: (u64, u64),
}

impl Socket {
    /// Makes it, readable and writable for its owner alone. A folder that is not there is made, for its owner alone; one that others can
    /// change is refused. A socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// The folder is not there, and neither is the one above; others can change it; somebody listens there; or something else has the name.
    pub fn listen(path: &Path) -> io::Result<Self> {
        let folder = made_folder(path)?;
        if let Some(why) = open_to_others(&folder)? {
            return Err(Error::other(format!("{why}, so others can put a socket of theirs there: take another folder")));
        }
        // Of two that find the same dead socket, the second would remove the first one's.
        let locked = Flock::lock(File::open(&folder)?, FlockArg::LockExclusiveNonblock);
        let _alone = locked
            .map_err(|(_, error)| Error::other(format!("another program makes a socket in this folder ({error}): try again")))?;
        is_free(path)?;
        // What is renamed is whole: nobody connects before it is its owner's alone.
        let draft = tempfile::Builder::new().prefix(".").rand_bytes(4).tempdir_in(&folder)?;
        let new = draft.path().join("s");
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, Permissions::from_mode(0o600))?;
        let id = id(&fs::symlink_metadata(&new)?);
        fs::rename(&new, path)?;
        Ok(Self { listener, path: path.to_owned(), id })
    }
}

impl Drop for Socket {
    /// Unless another has the name by now.
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|now| id(&now) == self.id) {
            // Nothing can be done about it: the next one replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn made_folder(path: &Path) -> io::Result<PathBuf> {
    let folder = folder_of(path);
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(folder),
    }
}

/// Nothing is there, or a socket of a program that has ended.
fn is_free(path: &Path) -> io::Result<()> {
    let there = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        there => there?,
    };
    if !there.file_type().is_socket() {
        return Err(Error::other("something that is no socket has this name: it stays; take another name"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(Error::other(format!(
            "a socket has this name, and whether somebody listens there is not known ({error}): take another"
        ))),
        Ok(stream) => Err(Error::other(format!("{} listens there already: end it, or take another name", listener_of(&stream)))),
    }
}

/// The process that listens, by id and name.
fn listener_of(stream: &UnixStream) -> String {
    let Ok(peer) = nix::sys::socket::getsockopt(stream, nix::sys::socket::sockopt::PeerCredentials) else {
        return "another program".to_owned();
    };
    let name = fs::read_to_string(format!("/proc/{}/comm", peer.pid())).unwrap_or_default();
    format!("process {} ({})", peer.pid(), name.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        Socket::listen(path).expect_err("it should be refused").to_string()
    }

    #[test]
    fn it_is_its_owners_alone_in_a_folder_that_is_made_and_goes_at_the_end() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("new/sock");
        let socket = Socket::listen(&path).unwrap();
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        UnixStream::connect(&path).unwrap();
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "a draft is left");
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn one_that_is_alive_is_refused_by_name_and_a_dead_one_is_replaced() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a dead socket keeps its name");
        let socket = Socket::listen(&path).unwrap();
        let said = refused(&path);
        assert!(
            said.starts_with(&format!("process {} (", std::process::id())) && said.contains("listens there already"),
            "{said}"
        );
        UnixStream::connect(&path).unwrap();
        // One whose name another has by now leaves it alone.
        fs::remove_file(&path).unwrap();
        let other = Socket::listen(&path).unwrap();
        drop(socket);
        UnixStream::connect(&path).unwrap();
        drop(other);
    }

    #[test]
    fn what_is_no_socket_stays() {
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("file");
        fs::write(&path, "mine").unwrap();
        assert!(refused(&path).contains("no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        std::os::unix::fs::symlink("/nowhere", base.path().join("link")).unwrap();
        assert!(refused(&base.path().join("link")).contains("no socket"));
        assert!(Socket::listen(&base.path().join("no/such/folder")).is_err());
    }

    #[test]
    fn a_folder_that_others_can_change_is_refused_there_and_above() {
        let base = tempfile::tempdir().unwrap();
        let inner = base.path().join("inner");
        fs::create_dir(&inner).unwrap();
        for folder in [&inner, base.path()] {
            fs::set_permissions(folder, Permissions::from_mode(0o777)).unwrap();
            assert!(refused(&inner.join("sock")).starts_with("others can write"), "{}", folder.display());
            fs::set_permissions(folder, Permissions::from_mode(0o1777)).unwrap();
            drop(Socket::listen(&inner.join("sock")).unwrap());
            fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
        }
    }
}
