//! Work that few operations need, in functions that the verifier follows once in each program, and not again for every way that leads to
//! them: it does so where their names are seen outside and they take and give numbers (`do_check_subprogs` in kernel/bpf/verifier.c, Linux
//! v6.12). So they find the operation by themselves. That costs a search, which an operation that did what it should does not pay for.

use core::hint::black_box;

use super::context::Context;
use super::slots::{self, Task};

/// The operation, for such a function.
#[inline(always)]
pub fn task() -> Option<&'static mut Task> {
    slots::find(Context::apart())
}

/// Calls such a function, which changes this task.
#[inline(always)]
pub fn on(task: &mut Task, work: impl FnOnce() -> u64) {
    // It comes to the task by a way of its own: that the compiler has to know.
    black_box(&raw mut *task);
    work();
}

/// The same number, of which the verifier knows nothing: then what follows is followed once, and not for each way to come to a number.
#[inline(always)]
pub fn any(number: u64) -> u64 {
    any_number(number)
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn any_number(number: u64) -> u64 {
    // The compiler must not see either that it is the same: it would leave out the call.
    black_box(number)
}
