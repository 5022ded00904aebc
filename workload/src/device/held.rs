//! A mapped page that the kernel itself still uses after the mapping is gone.

use std::io::{IoSlice, Read};

use nix::fcntl::{SpliceFFlags, vmsplice};

use super::gntdev::Mapping;
use crate::error::{Error, Result, errno_of};
use crate::uapi::GRANTED_BYTES;

/// A page in a pipe: whoever unmaps it waits for the pipe to be read. That is what a disk or a network card does with a page
/// of another domain that it was handed and has not sent yet.
pub struct HeldPage {
    pipe: std::io::PipeReader,
    // Nobody writes any more, but without a writer the pipe would be at its end.
    _writer: std::io::PipeWriter,
}

impl Mapping<'_> {
    /// Puts a page into a pipe, without copying it (vmsplice(2)).
    pub fn hold(&self, page: usize) -> Result<HeldPage> {
        let failed = |call, errno| Error::Call { call, on: format!("page {page} of a mapping"), errno };
        let no_pipe = |error: std::io::Error| failed("pipe", errno_of(&error));
        let (pipe, writer) = std::io::pipe().map_err(no_pipe)?;
        self.with_granted_bytes(page, |bytes| {
            vmsplice(&writer, &[IoSlice::new(bytes)], SpliceFFlags::empty()).map_err(|errno| failed("vmsplice", errno))
        })?;
        Ok(HeldPage { pipe, _writer: writer })
    }
}

impl HeldPage {
    /// Reads the pipe empty, which lets go of the page.
    pub fn let_go(mut self) -> Result<()> {
        let mut bytes = [0; GRANTED_BYTES];
        let read = self.pipe.read_exact(&mut bytes);
        read.map_err(|error| Error::Call { call: "read", on: "a pipe that holds a page".to_owned(), errno: errno_of(&error) })
    }
}
