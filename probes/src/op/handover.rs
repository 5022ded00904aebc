//! Finished records go to the collector when there is no room for another at their place in the table, and whenever the collector asks.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_loop;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;

use super::apart;
use super::slots::{self, PLACES, Task};
use crate::out::ring;

/// Hands over what is finished at the place of this operation, which begins.
#[inline(always)]
pub fn before(task: &mut Task) {
    apart::on(task, || hand_over());
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn hand_over() -> u64 {
    if let Some(task) = apart::task() {
        task.events.hand_over();
    }
    0
}

/// The operation of this task has returned unseen: the collector looks in its log for what was taken for a part of it.
#[inline(always)]
pub fn unreturned(task: &mut Task) {
    apart::on(task, || finish_unreturned());
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn finish_unreturned() -> u64 {
    if let Some(task) = apart::task() {
        task.events.finish_unreturned();
    }
    0
}

/// An operation has more events than there is room for behind finished records, or at all.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn make_room() -> u64 {
    if let Some(task) = apart::task() {
        task.events.make_room();
    }
    0
}

/// Hands over what is finished everywhere. The collector runs it, with one argument: not 0, if all hooks are detached, so that no operation
/// goes on; else the places of operations that are under way are left out.
#[raw_tracepoint]
fn hand_over_all(ctx: RawTracePointContext) -> i32 {
    let visits = ring::visits();
    if visits == 0 {
        return 0;
    }
    ring::set_visits(visits - 1);
    let mut nothing_runs: u64 = ctx.arg(0);
    // SAFETY: the callback takes what is handed to it here, and the kernel calls it only during this call.
    unsafe { bpf_loop(PLACES as u32, hand_over_unless_busy as *mut c_void, (&raw mut nothing_runs).cast(), 0) };
    0
}

/// For `bpf_loop`. Returns whether to stop.
extern "C" fn hand_over_unless_busy(place: u64, nothing_runs: *mut u64) -> i64 {
    let task = slots::at(place % PLACES as u64);
    // SAFETY: what was handed to `bpf_loop`.
    let nothing_runs = unsafe { *nothing_runs } != 0;
    if nothing_runs && task.is_owned() {
        // It has returned unseen, or its hooks were detached meanwhile: then nothing was taken for a part of it.
        task.events.finish_unreturned();
        slots::release(task);
    }
    if !task.events.has_finished() {
        return 0;
    }
    if nothing_runs {
        task.events.hand_over();
    } else if slots::block(task) {
        task.events.hand_over();
        slots::release(task);
    } else {
        ring::note_waiting();
    }
    0
}
