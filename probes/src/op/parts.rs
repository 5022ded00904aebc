//! An operation of more events than a record holds: what there is of it is sent ahead.

use super::apart;

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn send_part() -> u64 {
    if let Some(task) = apart::task() {
        task.events.send_part();
    }
    0
}
