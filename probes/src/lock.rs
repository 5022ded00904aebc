//! Locks: what an operation waits for somebody else to let go of. A stage.
//!
//! Source: include/trace/events/lock.h, kernel/locking/mutex.c, Linux v6.12. The tracepoints are passed only where a lock is held by
//! another; a free one costs nothing. gntdev has one lock for each open device, and holds it while it takes whole buffers down.
//! Plain spinlocks are left out: they are held for moments, and the maps of these programs have some of their own.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use grantscope_wire::{HookId, Stage};

use crate::task;

/// `LCB_F_SPIN`, alone: a spinlock. A mutex that spins for a while before it sleeps has further flags, and so has a read-write lock.
const SPINLOCK: u32 = 1;

/// `contention_begin(void *lock, unsigned int flags)`
#[raw_tracepoint(tracepoint = "contention_begin")]
fn contention_begin_tracepoint(ctx: RawTracePointContext) -> i32 {
    if ctx.arg::<u32>(1) != SPINLOCK
        && let Some(task) = task::busy_here()
    {
        task.begin_to_wait(HookId::ContentionBegin, Stage::LockWait, ctx.arg(0));
    }
    0
}

/// `contention_end(void *lock, int ret)`
#[raw_tracepoint(tracepoint = "contention_end")]
fn contention_end_tracepoint(ctx: RawTracePointContext) -> i32 {
    let now = task::now_ns();
    if let Some(task) = task::busy_here() {
        task.end_to_wait(HookId::ContentionBegin, ctx.arg(0), now);
    }
    0
}
