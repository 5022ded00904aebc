//! The thread that runs. The verifier knows what it is, so its members are read without a helper; before Linux 5.11 it does not.

use aya_ebpf::helpers::generated::bpf_get_current_comm;

/// Its name.
#[inline(always)]
pub fn comm() -> [u8; 16] {
    let mut name = Name([0; 16]);
    write_comm(&mut name.0);
    name.0
}

/// Words are copied to it.
#[repr(C, align(8))]
struct Name([u8; 16]);

/// Writes its name there, at an address that words may have; by a helper, which costs more, where the kernel does not say where it lies.
#[inline(always)]
pub fn write_comm(name: &mut [u8; 16]) {
    let words: *mut [u64; 2] = name.as_mut_ptr().cast();
    let comm = filled_in!(members.task_comm).at(task());
    // SAFETY: the kernel describes such a member there.
    match comm.and_then(|comm| unsafe { member(comm) }) {
        // SAFETY: there is room for as many bytes.
        Some(comm) => unsafe { *words = comm },
        // SAFETY: likewise. The kernel fills it with zeros where it fails.
        None => unsafe {
            bpf_get_current_comm(words.cast(), size_of_val(name) as u32);
        },
    }
}

/// Its preemption count; `None`: on this architecture the processor has it.
#[inline(always)]
pub fn preempt_count() -> Option<u32> {
    // SAFETY: the kernel describes such a member there.
    filled_in!(members.preempt_count).at(task()).and_then(|count| unsafe { member(count) })
}

#[cfg(not(feature = "early"))]
mod read {
    use aya_ebpf::helpers::generated::bpf_get_current_task_btf;

    #[inline(always)]
    pub fn task() -> u64 {
        // SAFETY: the helper has no preconditions.
        unsafe { bpf_get_current_task_btf() as u64 }
    }

    /// # Safety
    /// There is such a member of the thread there.
    #[inline(always)]
    pub unsafe fn member<T: Copy>(address: u64) -> Option<T> {
        // SAFETY: as the caller says; and the thread lives as long as it runs.
        Some(unsafe { *(address as *const T) })
    }
}

#[cfg(feature = "early")]
mod read {
    use aya_ebpf::helpers::bpf_probe_read_kernel;
    use aya_ebpf::helpers::generated::bpf_get_current_task;

    #[inline(always)]
    pub fn task() -> u64 {
        // SAFETY: the helper has no preconditions.
        unsafe { bpf_get_current_task() }
    }

    /// # Safety
    /// There is such a member of the thread there.
    #[inline(always)]
    pub unsafe fn member<T: Copy>(address: u64) -> Option<T> {
        // SAFETY: the helper checks the address, and the caller says what lies there.
        unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
    }
}

use read::{member, task};
