//! The process id by which the hooks know a process that the collector knows by the number of its own PID namespace.
//!
//! Attached to nothing that runs by itself: the collector has the kernel call it, only where it is in another PID namespace than the
//! initial one.

use aya_ebpf::bindings::seq_file;
use aya_ebpf::helpers::generated::bpf_seq_write;

use crate::kernel::fields;

/// `struct bpf_iter__task` (kernel/bpf/task_iter.c, Linux v6.12).
#[repr(C)]
pub struct Task {
    meta: *const Meta,
    task: u64,
}

/// The first member of `struct bpf_iter_meta` (include/linux/bpf.h, v6.12).
#[repr(C)]
pub struct Meta {
    seq: *mut seq_file,
}

/// Called by the kernel for the thread that the collector asks for, and once more at the end, with none. Writes the id to who reads.
#[unsafe(no_mangle)]
#[unsafe(link_section = "iter/task")]
pub extern "C" fn initial_pid(context: *const Task) -> i32 {
    // SAFETY: the kernel gives this program such a context.
    let (meta, task) = unsafe { ((*context).meta, (*context).task) };
    if task != 0
        && let Some(tgid) = fields::task_tgid(task)
    {
        // SAFETY: the kernel gave `meta`; what is written outlives the call.
        unsafe { bpf_seq_write((*meta).seq, (&raw const tgid).cast(), size_of_val(&tgid) as u32) };
    }
    0
}
