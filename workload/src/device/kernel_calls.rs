//! How often this thread makes the kernel call one of its functions: counted by a probe of the kernel's own, for as long as it is open.

use std::ffi::CString;
use std::fs;
use std::io::{self, Read};
use std::os::fd::FromRawFd;

use perf_event_open_sys::bindings::{PERF_FLAG_FD_CLOEXEC, perf_event_attr};

/// Where the kernel says which type of event its probes are (`perf_kprobe` in kernel/events/core.c, Linux 6.12).
const TYPE: &str = "/sys/bus/event_source/devices/kprobe/type";

/// A counter of calls of a function.
pub struct KernelCalls(fs::File);

impl KernelCalls {
    /// Counts from now on the calls by this thread. Needs root.
    ///
    /// # Errors
    /// The kernel has no such probes, or no such function.
    pub fn of(function: &str) -> io::Result<Self> {
        let kind = fs::read_to_string(TYPE)?;
        let name = CString::new(function)?;
        let mut attributes = perf_event_attr {
            size: size_of::<perf_event_attr>() as u32,
            type_: kind.trim().parse().map_err(io::Error::other)?,
            ..Default::default()
        };
        attributes.__bindgen_anon_3.config1 = name.as_ptr() as u64;
        // SAFETY: the attributes are of the type and size that they say, and the name that they point to outlives the call.
        let fd = unsafe { perf_event_open_sys::perf_event_open(&mut attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC.into()) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just given it to us, and nobody else has it.
        Ok(Self(unsafe { fs::File::from_raw_fd(fd) }))
    }

    /// How many there were.
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn count(&mut self) -> io::Result<u64> {
        let mut count = [0; 8];
        self.0.read_exact(&mut count)?;
        Ok(u64::from_ne_bytes(count))
    }
}
