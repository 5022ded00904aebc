//! The thread that runs. The verifier knows what it is, so its members are read without a helper.

use aya_ebpf::helpers::bpf_get_current_comm;
use aya_ebpf::helpers::generated::bpf_get_current_task_btf;

/// Its name. Empty where the kernel does not say where that lies.
#[inline(always)]
pub fn comm() -> [u8; 16] {
    match filled_in!(members.task_comm).at(task()) {
        // SAFETY: the kernel describes such a member there, and the task lives as long as it runs.
        Some(comm) => unsafe { core::mem::transmute::<[u64; 2], [u8; 16]>(*(comm as *const [u64; 2])) },
        None => bpf_get_current_comm().unwrap_or_default(),
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
