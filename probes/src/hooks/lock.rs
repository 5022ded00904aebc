//! Locks: what an operation waits for until its holder releases it. A stage.
//!
//! Source: include/trace/events/lock.h, kernel/locking/mutex.c, Linux v6.12. The tracepoints are passed only where a lock is held by
//! another; a free one costs nothing. gntdev has one lock for each open device, and holds it while it takes whole buffers down.
//! Plain spinlocks are left out: they are held for moments, and the maps of these programs have some of their own.

use grantscope_wire::HookId;
use grantscope_wire::hook::rows::{ContentionBegin, ContentionEnd};

use crate::call::Event;
use crate::op::events::now_ns;
use crate::op::task;

/// `LCB_F_SPIN`, alone: a spinlock. A mutex that spins for a while before it sleeps has further flags, and so has a read-write lock.
const SPINLOCK: u32 = 1;

tracepoint!(ContentionBegin, on_contention_begin);
tracepoint!(ContentionEnd, on_contention_end);

/// `contention_begin(void *lock, unsigned int flags)`
#[inline(always)]
fn on_contention_begin(event: &Event<ContentionBegin>) {
    if event.int::<1>() != SPINLOCK
        && let Some(task) = task::busy_here()
    {
        task.begin_to_wait(HookId::ContentionBegin, event.pointer::<0>());
    }
}

/// `contention_end(void *lock, int ret)`
#[inline(always)]
fn on_contention_end(event: &Event<ContentionEnd>) {
    let now = now_ns();
    if let Some(task) = task::busy_here() {
        task.end_to_wait(HookId::ContentionEnd, event.pointer::<0>(), now);
    }
}
