//! Looks at a byte of a granted page, for its owner, without holding the grant by looking.
//!
//! The pages that gntalloc shows in this process keep their grants: an ungrant does nothing while they are mapped
//! (`gntalloc_mmap` counts a user of each in drivers/xen/gntalloc.c, Linux v6.12). A pipe holds the page alone.

use std::io::{IoSlice, Read};

use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, vmsplice};

use super::gntalloc::Granted;
use crate::error::{Error, Result, errno_of};

/// How often one can look: a pipe has room for 16 pieces (`PIPE_DEF_BUFFERS`, include/linux/pipe_fs_i.h, Linux v6.12).
const MOST_LOOKS: usize = 16;

/// So many looks at a byte, each as it is by then.
pub struct Looks {
    pipe: std::io::PipeReader,
    // Nobody writes any more, but without a writer the pipe would be at its end.
    _writer: std::io::PipeWriter,
}

impl Granted<'_> {
    /// Fills the first word of a page with `word`, and prepares `count` looks at its first byte.
    pub fn looks_at(&self, page: usize, word: u32, count: usize) -> Result<Looks> {
        let failed = |call, errno| Error::Call { call, on: format!("page {page} of our own"), errno };
        if count > MOST_LOOKS {
            return Err(failed("so many looks into a pipe", Errno::E2BIG));
        }
        let (pipe, writer) = std::io::pipe().map_err(|error| failed("pipe", errno_of(&error)))?;
        let shown = self.mmap()?;
        shown.write(page, 0, word);
        shown.with_granted_bytes(page, |bytes| {
            let looks = vec![IoSlice::new(&bytes[..1]); count];
            match vmsplice(&writer, &looks, SpliceFFlags::empty()) {
                Ok(spliced) if spliced == count => Ok(()),
                Ok(_) => Err(failed("vmsplice", Errno::EAGAIN)),
                Err(errno) => Err(failed("vmsplice", errno)),
            }
        })?;
        Ok(Looks { pipe, _writer: writer })
    }
}

impl Looks {
    /// The byte as it is now. Uses up one of the looks.
    pub fn look(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.pipe.read_exact(&mut byte).map_err(|error| Error::Call {
            call: "read",
            on: "a pipe that holds a page of our own".to_owned(),
            errno: errno_of(&error),
        })?;
        Ok(byte[0])
    }
}
