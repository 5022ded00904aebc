//! Process ids of the caller and of the kernel: the probes read those of the initial PID namespace, and a caller in another one has
//! others for the same processes.

use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use aya::programs::Iter;
use grantscope_analysis::error_chain;
use grantscope_analysis::model::Filter;
use grantscope_wire::Kernel;
use nix::errno::Errno;
use nix::libc;

use crate::btf::KernelTypes;
use crate::object::Made;
use crate::{CaptureError, bpf, object};

/// The name of the program in the object, and the kernel's iterator that it serves: `probes/src/live/pids.rs`.
pub const PROGRAM: &str = "initial_pid";
const ITERATOR: &str = "task";

/// Whether this process has another PID namespace than the initial one.
pub fn are_namespaced() -> bool {
    // `PROC_PID_INIT_INO` in include/linux/proc_ns.h, Linux v6.12: the same since 3.8. Kernels without CONFIG_PID_NS have no such file.
    const INITIAL: u64 = 0xEFFF_FFFC;
    fs::metadata("/proc/self/ns/pid").is_ok_and(|namespace| namespace.ino() != INITIAL)
}

/// Whether a filter asks for a process that there is: no process has a number that can be foretold.
///
/// # Errors
/// There is none, or it is a thread.
pub fn check(filter: &Filter) -> Result<(), CaptureError> {
    let Some(pid) = filter.pid else { return Ok(()) };
    let Ok(number) = libc::pid_t::try_from(pid) else { return Err(CaptureError::NoProcess(pid)) };
    // SAFETY: it takes two numbers.
    let opened = unsafe { libc::syscall(libc::SYS_pidfd_open, number, 0) };
    match Errno::result(opened) {
        Ok(descriptor) => {
            // SAFETY: the kernel has just made it, for nobody else.
            drop(unsafe { OwnedFd::from_raw_fd(descriptor as libc::c_int) });
            Ok(())
        }
        Err(Errno::ESRCH) => Err(CaptureError::NoProcess(pid)),
        // The second since Linux 6.15.
        Err(Errno::EINVAL | Errno::ENOENT) => Err(CaptureError::Thread(pid)),
        // It cannot be asked: that is no reason not to record.
        Err(_) => Ok(()),
    }
}

/// The same filter, with the process's id in the initial PID namespace.
///
/// # Errors
/// The kernel does not say it: it is older than 6.1, which is the first that runs an iterator for one process.
pub fn translated(filter: &Filter, types: &KernelTypes, kernel: &Kernel) -> Result<Filter, CaptureError> {
    let Some(pid) = filter.pid.filter(|_| are_namespaced()) else { return Ok(filter.clone()) };
    let initial = initial(pid, types, kernel).map_err(|problem| CaptureError::ForeignPid { pid, problem })?;
    Ok(Filter { pid: Some(initial), ..filter.clone() })
}

fn initial(pid: u32, types: &KernelTypes, kernel: &Kernel) -> Result<u32, String> {
    // An object of its own: that of the hooks is loaded with what comes out here.
    let mut ebpf =
        object::load(Made::for_this_kernel(), kernel, &grantscope_wire::Filter::ANY).map_err(|error| error_chain(&error))?;
    let btf = types.functions_alone(&[format!("bpf_iter_{ITERATOR}")]).map_err(|error| error_chain(&error))?;
    let program = ebpf.program_mut(PROGRAM).unwrap_or_else(|| panic!("the probes have no program {PROGRAM}"));
    let program = <&mut Iter>::try_from(program).map_err(|error| error_chain(&error))?;
    program.load(ITERATOR, &btf).map_err(|error| crate::attach::chain(&error))?;
    let descriptor = program.fd().map_err(|error| error_chain(&error))?;
    let mut said = Vec::new();
    let read = bpf::iterate_one_task(descriptor.as_fd(), pid).and_then(|mut iterator| iterator.read_to_end(&mut said));
    read.map_err(|error| error.to_string())?;
    // Older kernels take no notice of which process they are asked for, and have the program write of each.
    let said = <[u8; 4]>::try_from(said).map_err(|_| "this needs Linux 6.1 or newer".to_owned())?;
    Ok(u32::from_ne_bytes(said))
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    fn checked(pid: u32) -> Result<(), String> {
        check(&Filter { pid: Some(pid), ..Filter::default() }).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_process_that_there_is_can_be_asked_for() {
        assert_eq!(checked(process::id()), Ok(()));
        for nobody in [4_194_305, u32::MAX] {
            let said = checked(nobody).unwrap_err();
            assert!(said.starts_with(&format!("there is no process {nobody}: ")), "{said}");
        }
        assert!(check(&Filter::default()).is_ok());
    }

    #[test]
    fn a_thread_is_no_process() {
        let thread = std::thread::spawn(|| {
            let tid = nix::unistd::gettid().as_raw() as u32;
            (tid, checked(tid))
        });
        let (tid, said) = thread.join().unwrap();
        assert!(said.unwrap_err().starts_with(&format!("{tid} is a thread")));
    }
}
