//! That nobody else writes a file meanwhile: two who write one file from its start on leave neither's bytes.

use std::fs::File;
use std::io::{self, ErrorKind};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Held until it is dropped, or the process is gone.
pub type Lock = Flock<File>;

/// Holds a file for who writes it as it comes. Whoever asks as well is refused (flock(2)); others are not hindered. `None`: this file
/// system has no locks.
///
/// # Errors
/// Another one holds it.
pub fn hold(file: &File) -> io::Result<Option<Lock>> {
    match Flock::lock(file.try_clone()?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Err(io::Error::new(ErrorKind::ResourceBusy, "another process is writing it")),
        // As on a network file system without a lock manager: what cannot be known is no reason to refuse.
        Err(_) => Ok(None),
    }
}
