//! What can be lost inside the kernel, counted per hook. Zero everywhere means that nothing was.

use crate::hook::HOOK_IDS;

named_ids! {
    /// A way to lose something.
    pub enum LossKind {
        RingFull = 0, "ring_full", "a finished operation's record did not fit into the ring buffer";
        TaskTableFull = 1, "task_table_full", "an operation began, but there was no room for one more task";
        StackOverflow = 2, "stack_overflow", "more events than fit, or stages nested deeper than the stack: their time went to the stage around them";
        Unmatched = 3, "unmatched", "a function returned that was not on the task's stack";
        LedgerFull = 4, "ledger_full", "no room to remember a map or a dma-buf: later operations on it have no buffer kind";
        Missed = 5, "missed", "the kernel skipped the program because it was running already on that CPU";
        Unseen = 6, "unseen", "an operation ended whose beginning was not seen: it began before the probes, or too many tasks were at work";
        ReturnMissed = 7, "return_missed", "an operation's return was not seen: more tasks were inside the function than the kernel's kretprobe can follow";
        Undelivered = 8, "undelivered", "whoever reads the recording, or the disk that it is written to, was too slow: too much waited for that";
        Swallowed = 9, "swallowed", "a thread did this after a return of its that was not seen: it was taken for a part of that call";
        Earlier = 10, "earlier", "it ended before this viewer came, and was not kept for it: other viewers, and the file, have it";
    }
}

impl LossKind {
    /// Whether this loss makes an operation vanish from the counts.
    pub const fn loses_operations(self) -> bool {
        matches!(
            self,
            Self::RingFull
                | Self::TaskTableFull
                | Self::Unseen
                | Self::Missed
                | Self::ReturnMissed
                | Self::Undelivered
                | Self::Swallowed
                | Self::Earlier
        )
    }

    /// Whether the probes count it: the rest is counted in user space.
    pub const fn is_counted_by_probes(self) -> bool {
        (self as usize) < LOSS_KINDS
    }
}

/// Counters per hook, of the kinds that the probes count: a power of two, so that they can index without a multiplication.
pub const LOSS_KINDS: usize = 8;

/// Length of the per-CPU array of loss counters.
pub const LOSS_COUNTERS: u32 = (HOOK_IDS * LOSS_KINDS) as u32;

/// Where a counter lies in the array.
pub const fn loss_index(hook: u8, kind: LossKind) -> u32 {
    hook as u32 * LOSS_KINDS as u32 + kind as u32
}
