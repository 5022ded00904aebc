//! What runs a hook: a thread, or an interrupt.
//!
//! Back ends unmap when a transfer ends, in an interrupt: the thread that it interrupts may be in an operation of its own.
//! `include/linux/preempt.h`, Linux v6.12: an interrupt counts itself in the preemption count. It is part of the task on arm64
//! (`thread_info.preempt_count`), and of the processor on x86 (`__preempt_count`, or `pcpu_hot.preempt_count` from 6.2 to 6.14).

use aya_ebpf::helpers::generated::{bpf_get_current_task, bpf_get_smp_processor_id};

use crate::kernel::{self, current, fields};

const SERVES_SOFTIRQ: u32 = 1 << 8;
const IN_HARDIRQ: u32 = 0xf << 16;
const IN_NMI: u32 = 0xf << 20;

const LEVEL_SHIFT: u32 = 32;
/// Bits of a context's number that an interrupt's does not have, and an address of the kernel does.
const ADDRESS: u64 = 1 << 63;

/// A thread, by the address of its `task_struct`; or an interrupt level of a processor, by the bits that count it and the processor's number.
#[derive(Clone, Copy)]
pub struct Context(u64);

impl Context {
    /// The thread that runs, or that was interrupted: of hooks that no interrupt reaches.
    #[inline(always)]
    pub fn thread() -> Self {
        // SAFETY: the helper has no preconditions.
        Self(unsafe { bpf_get_current_task() })
    }

    /// What runs this hook.
    #[inline(always)]
    pub fn here() -> Self {
        // Two ways, because the verifier follows each to the end of the program.
        match preempt_count() & (SERVES_SOFTIRQ | IN_HARDIRQ | IN_NMI) {
            0 => Self::thread(),
            // SAFETY: the helper has no preconditions.
            level => Self(u64::from(level) << LEVEL_SHIFT | u64::from(unsafe { bpf_get_smp_processor_id() })),
        }
    }

    /// The same for what is rarely done: a call, which the verifier follows once in each program.
    #[inline(always)]
    pub fn apart() -> Self {
        Self(context_here())
    }

    /// Its number among all contexts; never 0.
    pub fn id(self) -> u64 {
        self.0
    }

    /// The name to put where the thread's would be, of the context with this id; `None`: it is a thread.
    #[inline(always)]
    pub fn interrupt(id: u64) -> Option<[u8; 16]> {
        let level = (id >> LEVEL_SHIFT) as u32;
        if id & ADDRESS != 0 {
            None
        } else if level & IN_NMI != 0 {
            Some(*b"(nmi)\0\0\0\0\0\0\0\0\0\0\0")
        } else if level & IN_HARDIRQ != 0 {
            Some(*b"(hardirq)\0\0\0\0\0\0\0")
        } else {
            Some(*b"(softirq)\0\0\0\0\0\0\0")
        }
    }
}

/// The name is seen outside, and what it gives is a number: so the verifier does not follow what comes after a call once for each level.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn context_here() -> u64 {
    Context::here().0
}

/// 0, which is a thread's, where it cannot be found: then interrupts are counted as threads.
#[inline(always)]
fn preempt_count() -> u32 {
    if let Some(count) = current::preempt_count() {
        return count;
    }
    let Some((in_processor, offsets)) = kernel::processors() else { return 0 };
    // SAFETY: the helper has no preconditions.
    let processor = u64::from(unsafe { bpf_get_smp_processor_id() });
    fields::read(offsets + processor * 8).and_then(|base: u64| fields::read(base.wrapping_add(in_processor))).unwrap_or(0)
}
