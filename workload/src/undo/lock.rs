//! The lock on the journals: waited for, but not for ever.

use std::fs::File;
use std::io::{self, Error, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{major, minor};
use procfs::LockType;
use procfs::process::Process;

/// Undoing takes a second or two where the balloon has to follow, and up to ten where xenstored does not answer.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often it is tried.
const TRY_EVERY: Duration = Duration::from_millis(50);

/// Locks a file, once whoever has locked it has let go of it.
///
/// # Errors
/// The wait was too long (`TimedOut`): the error names who has locked it.
pub(super) fn lock(mut file: File, longest: Duration) -> io::Result<Flock<File>> {
    let begun = Instant::now();
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((again, Errno::EWOULDBLOCK)) if begun.elapsed() < longest => file = again,
            Err((file, Errno::EWOULDBLOCK)) => {
                let text = format!("{} keeps it locked: wait for that or end it, and try again", holder(&file));
                return Err(Error::new(ErrorKind::TimedOut, text));
            }
            Err((_, errno)) => return Err(errno.into()),
        }
        sleep(TRY_EVERY);
    }
}

/// Who has locked it, by /proc/locks, which knows only processes that this one can see.
fn holder(file: &File) -> String {
    let holder = file.metadata().ok().and_then(|file| {
        let place = (file.ino(), major(file.dev()), minor(file.dev()));
        let locks = procfs::locks().ok()?.into_iter();
        let is_it = |lock: &procfs::Lock| (lock.inode, lock.devmaj.into(), lock.devmin.into()) == place;
        locks.filter(|lock| matches!(lock.lock_type, LockType::FLock) && is_it(lock)).find_map(|lock| lock.pid)
    });
    let Some(pid) = holder else { return "a process that is not known here".to_owned() };
    let stat = Process::new(pid).and_then(|process| process.stat());
    stat.map_or_else(|_| format!("pid {pid}"), |stat| format!("pid {pid} ({})", stat.comm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_kept_is_an_error_that_names_who_keeps_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().write(true).open(file.path()).unwrap();
        let kept = lock(open(), Duration::ZERO).unwrap();
        let begun = Instant::now();
        let error = lock(open(), Duration::from_millis(200)).unwrap_err();
        assert!((200..2000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().starts_with(&format!("pid {} (", std::process::id())), "{error}");
        drop(kept);
        lock(open(), Duration::ZERO).unwrap();
    }
}
