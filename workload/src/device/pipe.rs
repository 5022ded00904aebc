//! Pages that a pipe holds, without copying them (vmsplice(2)): they stay as they are in memory, and in use, until the pipe is read.

use std::fs::File;
use std::io::{IoSlice, Read};

use nix::errno::Errno;
use nix::fcntl::{OFlag, SpliceFFlags, vmsplice};
use nix::unistd::pipe2;

use super::gntalloc::Granted;
use super::gntdev::Mapping;
use crate::error::{Error, Result, errno_of};
use crate::uapi::GRANTED_BYTES;

/// How often one can look: a pipe has room for 16 pieces (`PIPE_DEF_BUFFERS`, include/linux/pipe_fs_i.h, Linux v6.12).
const MOST_LOOKS: usize = 16;

/// Pieces of a page in a pipe.
struct Pieces {
    pipe: File,
    /// Bytes that were not read yet.
    left: usize,
}

impl Pieces {
    fn of(pieces: &[IoSlice<'_>], page: &str) -> Result<Self> {
        let failed = |call, errno| Error::Call { call, on: page.to_owned(), errno };
        // Whoever asks for more than there is, or for more than there is room for, gets an errno, and nobody waits.
        let (pipe, writer) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).map_err(|errno| failed("pipe2", errno))?;
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        match vmsplice(&writer, pieces, SpliceFFlags::SPLICE_F_NONBLOCK) {
            Ok(spliced) if spliced == bytes => Ok(Self { pipe: pipe.into(), left: bytes }),
            Ok(_) => Err(failed("vmsplice", Errno::EAGAIN)),
            Err(errno) => Err(failed("vmsplice", errno)),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<()> {
        let failed = |errno| Error::Call { call: "read", on: "a pipe that holds a page".to_owned(), errno };
        self.left = self.left.checked_sub(bytes.len()).ok_or_else(|| failed(Errno::ENODATA))?;
        self.pipe.read_exact(bytes).map_err(|error| failed(errno_of(&error)))
    }
}

/// A mapped page that the kernel itself still uses after the mapping is gone: its unmapping waits for the pipe to be read. A disk or a
/// network card does the same with a page of another domain that it has not sent yet.
pub struct HeldPage(Pieces);

impl Mapping<'_> {
    /// Puts a page into a pipe.
    ///
    /// # Errors
    /// The kernel has no pipe, or does not take the page.
    pub fn hold(&self, page: usize) -> Result<HeldPage> {
        let on = format!("page {page} of a mapping");
        self.with_granted_bytes(page, |bytes| Pieces::of(&[IoSlice::new(bytes)], &on)).map(HeldPage)
    }
}

impl HeldPage {
    /// Reads the pipe empty, which releases the page.
    ///
    /// # Errors
    /// The pipe cannot be read.
    pub fn release(mut self) -> Result<()> {
        self.0.read(&mut [0; GRANTED_BYTES])
    }
}

/// Looks at a byte of a granted page, each at what it is by then, without holding the grant.
///
/// The pages that gntalloc shows in this process keep their grants: an ungrant does nothing while they are mapped
/// (`gntalloc_mmap` counts a user of each in drivers/xen/gntalloc.c, Linux v6.12). A pipe holds the page alone.
pub struct Looks(Pieces);

impl Granted<'_> {
    /// Fills the first word of a page with `word`, and prepares `count` looks at its first byte.
    ///
    /// # Errors
    /// The page cannot be mapped here, or the pipe has no room for as many.
    pub fn looks_at(&self, page: usize, word: u32, count: usize) -> Result<Looks> {
        let on = format!("page {page} of our own");
        if count > MOST_LOOKS {
            return Err(Error::Call { call: "so many looks into a pipe", on, errno: Errno::E2BIG });
        }
        let shown = self.mmap()?;
        shown.write(page, 0, word);
        shown.with_granted_bytes(page, |bytes| Pieces::of(&vec![IoSlice::new(&bytes[..1]); count], &on)).map(Looks)
    }
}

impl Looks {
    /// The byte as it is now. Uses up one of the looks.
    ///
    /// # Errors
    /// There is none left, or the pipe cannot be read.
    pub fn look(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.0.read(&mut byte)?;
        Ok(byte[0])
    }

    /// Whether none is left.
    pub fn is_used_up(&self) -> bool {
        self.0.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_once_too_often_gets_an_errno_and_does_not_wait() {
        let byte = std::cell::Cell::new(7);
        // SAFETY: the byte outlives the slice, and a page in a pipe is read by the kernel.
        let seen = unsafe { std::slice::from_raw_parts(byte.as_ptr(), 1) };
        let mut looks = Looks(Pieces::of(&[IoSlice::new(seen), IoSlice::new(seen)], "a test's page").unwrap());
        assert_eq!(looks.look().unwrap(), 7);
        byte.set(8);
        assert_eq!((looks.look().unwrap(), looks.is_used_up()), (8, true), "what it is by then");
        let error = looks.look().unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ENODATA), "{error}");
    }

    #[test]
    fn more_pieces_than_a_pipe_has_room_for_are_refused_and_not_waited_for() {
        let byte = [1];
        let error = Pieces::of(&[IoSlice::new(&byte); MOST_LOOKS + 1], "a test's page").err().unwrap();
        assert_eq!(error.errno(), Some(Errno::EAGAIN), "{error}");
    }
}
