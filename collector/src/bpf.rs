//! The calls of bpf(2) that aya does not make (include/uapi/linux/bpf.h, Linux v6.12).

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use aya_obj::generated::bpf_prog_info;
use nix::libc;

const BPF_PROG_RUN: libc::c_int = 10;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;

/// Runs a program for a test, with no input.
///
/// # Errors
/// The kernel cannot do that with this kind of program.
pub fn run_for_a_test(program: BorrowedFd<'_>) -> io::Result<()> {
    let mut attributes = [0_u32; 20];
    attributes[0] = program.as_raw_fd() as u32;
    call(BPF_PROG_RUN, &mut attributes)
}

/// Runs the program of a raw tracepoint, with this argument.
///
/// # Errors
/// It is no such program.
pub fn run_with(program: BorrowedFd<'_>, argument: u64) -> io::Result<()> {
    /// Of the members behind `prog_fd`: see `union bpf_attr`.
    #[repr(C)]
    #[derive(Default)]
    struct Attributes {
        program: u32,
        returned: u32,
        data_sizes: [u32; 2],
        data: [u64; 2],
        repeat: u32,
        duration: u32,
        context_bytes: u32,
        context_bytes_out: u32,
        context: u64,
        context_out: u64,
        flags: u32,
        processor: u32,
        batch: u32,
        padding: u32,
    }
    let context = [argument];
    let mut attributes = Attributes {
        program: program.as_raw_fd() as u32,
        context_bytes: size_of_val(&context) as u32,
        context: context.as_ptr() as u64,
        ..Attributes::default()
    };
    call(BPF_PROG_RUN, &mut attributes)
}

/// How often the kernel did not run a program because it ran already on that processor (kernel/bpf/trampoline.c, Linux v6.12); 0 where it
/// does not count that.
///
/// # Errors
/// It is no program.
pub fn misses(program: BorrowedFd<'_>) -> io::Result<u64> {
    #[repr(C)]
    struct Attributes {
        descriptor: u32,
        bytes: u32,
        info: u64,
    }
    // SAFETY: plain old data, of which zeros are one.
    let mut info = unsafe { std::mem::zeroed::<bpf_prog_info>() };
    let bytes = size_of::<bpf_prog_info>() as u32;
    call(BPF_OBJ_GET_INFO_BY_FD, &mut Attributes { descriptor: program.as_raw_fd() as u32, bytes, info: &raw mut info as u64 })?;
    Ok(info.recursion_misses)
}

fn call<T>(command: libc::c_int, attributes: &mut T) -> io::Result<()> {
    // SAFETY: the attributes are those of the command, as long as is said, and what they point to outlives the call.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
