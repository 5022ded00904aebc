//! The statuses that Xen left, once it is known that they are needed.

use super::apart;
use super::evidence::GrantOp;
use super::slots::Task;

/// Counts those of the operation's grants. The arrays have to be there still.
#[inline(always)]
pub fn read<A: GrantOp>(task: &mut Task) {
    apart::on(task, || read_statuses(A::BYTES as u64, A::STATUS_AT as u64));
}

/// Writes what was counted into the operation's record.
#[inline(always)]
pub fn append(task: &mut Task) {
    apart::on(task, || append_statuses());
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn read_statuses(bytes: u64, status_at: u64) -> u64 {
    if let Some(task) = apart::task() {
        task.evidence.read_statuses(bytes, status_at);
    }
    0
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn append_statuses() -> u64 {
    if let Some(task) = apart::task() {
        task.events.append_statuses(&task.evidence.statuses);
    }
    0
}
