//! The thread that runs. The verifier knows what it is, so its members are read without a helper.

use aya_ebpf::helpers::generated::{bpf_get_current_comm, bpf_get_current_task_btf};

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
    match filled_in!(members.task_comm).at(task()) {
        // SAFETY: the kernel describes such a member there, and the task lives as long as it runs; there is room for as many bytes.
        Some(comm) => unsafe { *words = *(comm as *const [u64; 2]) },
        // SAFETY: as above. The kernel fills it with zeros where it fails.
        None => unsafe {
            bpf_get_current_comm(words.cast(), size_of_val(name) as u32);
        },
    }
}

/// Its preemption count; `None`: on this architecture the processor has it.
#[inline(always)]
pub fn preempt_count() -> Option<u32> {
    // SAFETY: as above.
    filled_in!(members.preempt_count).at(task()).map(|count| unsafe { *(count as *const u32) })
}

#[inline(always)]
fn task() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_current_task_btf() as u64 }
}
