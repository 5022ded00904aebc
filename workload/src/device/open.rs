//! Opening device nodes, with an error that says why one cannot be, and waiting until one can be read.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;

use crate::error::{Error, Result};

/// Opens a device of Xen's; `advice` is for when Xen is there and the device is not.
pub(super) fn open_xen(path: &'static str, advice: &'static str) -> Result<OwnedFd> {
    open_device(path, advice).map_err(|error| match error {
        Error::NoDevice { .. } if !runs_on_xen() => Error::NoXen { path },
        other => other,
    })
}

/// Opens any device for reading and writing.
pub(super) fn open_device(path: &'static str, advice: &'static str) -> Result<OwnedFd> {
    open(path, OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).map_err(|errno| match errno {
        Errno::ENOENT | Errno::ENXIO | Errno::ENODEV => Error::NoDevice { path, advice },
        Errno::EACCES | Errno::EPERM => Error::NotPermitted { path, errno },
        errno => Error::Open { path, errno },
    })
}

/// Waits until `device` can be read; after `limit`, or a signal, it is `false`.
pub(super) fn is_readable(device: BorrowedFd<'_>, limit: Duration) -> Result<bool, Errno> {
    let mut waiting = [PollFd::new(device, PollFlags::POLLIN)];
    match poll(&mut waiting, PollTimeout::try_from(limit.as_millis()).unwrap_or(PollTimeout::MAX)) {
        Err(Errno::EINTR) => Ok(false),
        ready => ready.map(|ready| ready > 0),
    }
}

/// Whether this kernel runs in a Xen domain, as far as it shows user space.
fn runs_on_xen() -> bool {
    let hypervisor = std::fs::read_to_string("/sys/hypervisor/type");
    hypervisor.is_ok_and(|name| name.trim() == "xen") || Path::new("/proc/xen/capabilities").exists()
}

/// Whether a domain of this kind can map what it grants itself. Where a domain's pages are translated on x86, Xen removes the frame of a
/// mapping from wherever it was before, and of an own page that is its place in memory (`guest_physmap_add_entry` in
/// xen/arch/x86/mm/p2m.c, Xen 4.20).
pub fn maps_own_grants() -> bool {
    // drivers/xen/sys-hypervisor.c, Linux v6.12. Without it nobody knows.
    let kind = std::fs::read_to_string("/sys/hypervisor/guest_type").unwrap_or_default();
    !(cfg!(target_arch = "x86_64") && ["PVH", "HVM"].contains(&kind.trim()))
}

/// The kernel's page size in bytes: what one grant occupies in a mapping.
pub fn page_size() -> usize {
    // SAFETY: sysconf has no preconditions.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_device_is_distinguished_from_a_machine_without_xen() {
        let error = open_device("/dev/no-such-device", "load the module").unwrap_err();
        insta::assert_snapshot!(error, @"/dev/no-such-device does not exist: load the module");
        if !runs_on_xen() {
            let error = open_xen("/dev/xen/no-such-device", "load the module").unwrap_err();
            assert!(matches!(error, Error::NoXen { .. }), "{error}");
        }
    }
}
