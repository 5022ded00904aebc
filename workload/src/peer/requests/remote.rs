//! A frontend that takes requests, as those who request see it.

use std::sync::{Mutex, PoisonError};

use super::{Client, Handle, Made, Request};
use grantscope_output::say;

use crate::error::{Error, Result};
use crate::uapi::GrantRef;

/// A frontend that takes requests, from any thread.
pub trait RemoteFrontend: Send + Sync {
    /// Has it make something.
    ///
    /// # Errors
    /// As of [`Client::make`].
    fn make(&self, request: Request) -> Result<Made>;
    /// Has it take that back.
    ///
    /// # Errors
    /// As of [`Client::release`].
    fn release(&self, handle: Handle) -> Result<()>;
    /// Has it read the first byte of a grant, one of the reads that were requested with the grant.
    ///
    /// # Errors
    /// As of [`Client::look`].
    fn look(&self, handle: Handle) -> Result<u8>;
}

impl RemoteFrontend for Mutex<Client<'_>> {
    fn make(&self, request: Request) -> Result<Made> {
        self.lock().unwrap_or_else(PoisonError::into_inner).make(request)
    }

    fn release(&self, handle: Handle) -> Result<()> {
        self.lock().unwrap_or_else(PoisonError::into_inner).release(handle)
    }

    fn look(&self, handle: Handle) -> Result<u8> {
        self.lock().unwrap_or_else(PoisonError::into_inner).look(handle)
    }
}

/// An object that a frontend made on request. It is revoked when this is dropped.
pub struct RemoteGrant<'run> {
    frontend: &'run dyn RemoteFrontend,
    made: Made,
    ended: bool,
}

impl<'run> RemoteGrant<'run> {
    /// Requests it.
    ///
    /// # Errors
    /// As of [`Client::make`].
    pub fn new(frontend: &'run dyn RemoteFrontend, request: Request) -> Result<Self> {
        Ok(Self { frontend, made: frontend.make(request)?, ended: false })
    }

    /// One for each page.
    pub fn references(&self) -> &[GrantRef] {
        &self.made.references
    }

    /// Its handle, known to both sides.
    pub fn handle(&self) -> Handle {
        self.made.handle
    }

    /// Revokes it.
    ///
    /// # Errors
    /// As of [`Client::release`].
    pub fn release(mut self) -> Result<()> {
        self.ended = true;
        self.frontend.release(self.made.handle)
    }
}

impl Drop for RemoteGrant<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        match self.frontend.release(self.made.handle) {
            // That was said with the request that it did not answer.
            Ok(()) | Err(Error::PeerGivenUp { .. }) => {}
            Err(error) => say!("warning: {error}; the next run that requests there has it released"),
        }
    }
}
