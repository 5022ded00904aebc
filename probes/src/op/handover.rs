//! Finished records go to the collector when there is no room for another at their place in the table, and whenever the collector asks.

use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use grantscope_wire::handover::PLACES_OF_A_LOOP;

use super::apart;
use super::slots::{self, PLACES, Task};
use crate::out::ring;
use crate::repeat::repeat;

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

/// How many places one run goes over.
const AT_ONCE: u32 = if cfg!(feature = "early") { PLACES_OF_A_LOOP as u32 } else { PLACES as u32 };

struct Visit {
    nothing_runs: u64,
    first: u64,
}

/// Hands over what is finished everywhere. The collector runs it, with two arguments: not 0, if all hooks are detached, so that no operation
/// goes on; else the places of operations that are under way are left out. And the first place that this run goes over.
#[raw_tracepoint]
fn hand_over_all(ctx: RawTracePointContext) -> i32 {
    let visits = ring::visits();
    if visits == 0 {
        return 0;
    }
    let mut visit = Visit { nothing_runs: ctx.arg(0), first: ctx.arg(1) };
    if visit.first == PLACES as u64 - u64::from(AT_ONCE) {
        // It is the last run of this time.
        ring::set_visits(visits - 1);
    }
    repeat::<AT_ONCE, _>(AT_ONCE, hand_over_unless_busy, &mut visit);
    0
}

/// For [`repeat`]. Returns whether to stop.
extern "C" fn hand_over_unless_busy(number: u64, visit: *mut Visit) -> i64 {
    // SAFETY: what was handed to `repeat`.
    let visit = unsafe { &*visit };
    let nothing_runs = visit.nothing_runs != 0;
    let task = slots::at((visit.first + number) % PLACES as u64);
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
