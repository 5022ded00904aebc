//! An event channel, by which one domain notifies another.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;

use super::open::{is_readable, open_xen};
use crate::error::{Error, Result, errno_of};
use crate::uapi::DomId;
use crate::uapi::evtchn as abi;
use crate::uapi::evtchn::Port;

const ADVICE: &str = "load the module xen-evtchn (modprobe xen-evtchn), or build the kernel with CONFIG_XEN_DEV_EVTCHN";

/// One end of an event channel. It is closed when this is dropped.
pub struct EventChannel {
    device: File,
    port: Port,
}

impl EventChannel {
    /// An end that `remote` can connect to, one at a time, by the port's number.
    ///
    /// # Errors
    /// The device cannot be opened, or Xen refuses the domain.
    pub fn unbound(remote: DomId) -> Result<Self> {
        let device = File::from(open_xen(abi::PATH, ADVICE)?);
        let mut argument = abi::BindUnboundPort { remote_domain: remote.into() };
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        let port = unsafe { abi::bind_unbound_port(device.as_raw_fd(), &mut argument) };
        Self::of(device, "BIND_UNBOUND_PORT", port, || format!("an event channel for domain {remote}"))
    }

    /// The other end of a port that `remote` has bound.
    ///
    /// # Errors
    /// The device cannot be opened, or there is no such port, or another is connected to it.
    pub fn connected(remote: DomId, port: Port) -> Result<Self> {
        let device = File::from(open_xen(abi::PATH, ADVICE)?);
        let mut argument = abi::BindInterdomain { remote_domain: remote.into(), remote_port: port };
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        let own = unsafe { abi::bind_interdomain(device.as_raw_fd(), &mut argument) };
        Self::of(device, "BIND_INTERDOMAIN", own, || format!("event channel {port} of domain {remote}"))
    }

    fn of(device: File, call: &'static str, port: Result<i32, Errno>, on: impl Fn() -> String) -> Result<Self> {
        let port = port.map_err(|errno| Error::Call { call, on: on(), errno })?;
        Ok(Self { device, port: port as Port })
    }

    /// Its number in this domain.
    pub fn port(&self) -> Port {
        self.port
    }

    /// Notifies the other end, if there is one.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn notify(&self) -> Result<()> {
        let mut argument = abi::Notify { port: self.port };
        // SAFETY: the argument is of the type that this request takes, and outlives the call.
        unsafe { abi::notify(self.device.as_raw_fd(), &mut argument) }.map(drop).map_err(|errno| self.failed("NOTIFY", errno))
    }

    /// Waits for a notification; after `limit` it is `false`.
    ///
    /// # Errors
    /// The device fails.
    pub fn wait(&self, limit: Duration) -> Result<bool> {
        // After a signal it is `false`: the caller checks for signals between two calls.
        let is_readable = is_readable(self.as_fd(), limit).map_err(|errno| self.failed("poll", errno))?;
        if is_readable { self.take_in().map(|()| true) } else { Ok(false) }
    }

    /// Acknowledges a notification, so that the next one can arrive.
    ///
    /// # Errors
    /// The device fails.
    pub fn take_in(&self) -> Result<()> {
        let failed = |call, error: std::io::Error| self.failed(call, errno_of(&error));
        let mut port = [0; size_of::<Port>()];
        (&self.device).read_exact(&mut port).map_err(|error| failed("read", error))?;
        (&self.device).write_all(&port).map_err(|error| failed("write", error))
    }

    fn failed(&self, call: &'static str, errno: Errno) -> Error {
        Error::Call { call, on: format!("event channel {}", self.port), errno }
    }
}

impl AsFd for EventChannel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.device.as_fd()
    }
}
