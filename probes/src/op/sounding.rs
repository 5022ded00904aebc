//! Programs that time themselves, in few operations: the collector learns what each of them costs where it runs, and the others stay cheap.

use grantscope_wire::record::{SOUNDED, Sounding};

use super::apart;
use super::events::now_ns;
use super::slots::{Task, is_sounding, set_sounding};

/// Operations so far, of each kind; a kind's id leads to its counter.
static mut TURNS: [u8; TURN_KINDS] = [0; TURN_KINDS];
const TURN_KINDS: usize = 32;

/// Runs a program's own work; and times it, if its operation is sounded.
#[inline(always)]
pub fn around(work: impl FnOnce()) {
    if is_sounding() {
        sound(0);
    }
    work();
    // It may be the program that began the operation.
    if is_sounding() {
        sound(now_ns());
    }
}

/// Whether it is the turn of the next operation of this kind: the 1st, 2nd, 4th, 8th and so on, and each 127th from the 128th on. That is a
/// prime, so that operations which take turns all have theirs.
#[inline(always)]
pub fn is_turn(op: u8) -> bool {
    const PERIOD: u8 = 127;
    // SAFETY: within the array; any value of a counter is good.
    unsafe {
        let counter = (&raw mut TURNS).cast::<u8>().add(usize::from(op) % TURN_KINDS);
        let turn = (*counter).wrapping_add(1);
        let is_last = turn == u8::MAX;
        *counter = if is_last { turn - PERIOD } else { turn };
        is_last || turn & turn.wrapping_sub(1) == 0
    }
}

/// The operation that begins is sounded.
#[inline(always)]
pub fn start(task: &mut Task) {
    task.head_mut().flags |= SOUNDED;
    task.program_ns = 0;
    set_sounding(1);
}

/// The operation is over.
#[inline(always)]
pub fn stop(task: &Task) {
    if task.head().flags & SOUNDED != 0 {
        set_sounding(0);
    }
}

/// A program begins its work, if there is no time yet; or it is done, at this time. The name has to be seen outside: then the verifier looks
/// at this function once, and not again wherever it is called.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn sound(end_ns: u64) -> u64 {
    let Some(task) = apart::task().filter(|task| task.head().flags & SOUNDED != 0) else { return 0 };
    if end_ns == 0 {
        task.program_ns = now_ns();
        return 0;
    }
    let start_ns = task.head().start_ns;
    // The program that began the operation: the work is counted from where its time began.
    let began_ns = if task.program_ns == 0 { start_ns } else { task.program_ns };
    let sounding = Sounding { offset_ns: began_ns.wrapping_sub(start_ns), duration_ns: end_ns.wrapping_sub(began_ns) };
    task.events.add(sounding.word());
    0
}
