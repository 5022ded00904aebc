//! For kernels without the instruction: a hash map says whose turn it is at a place. Only one can add a key that is not there, which the
//! kernel sees to with a lock of its own (`htab_map_update_elem` in kernel/bpf/hashtab.c, Linux v5.10).

use core::ptr;

use aya_ebpf::macros::map;
use aya_ebpf::maps::HashMap;
use grantscope_wire::Turn;

/// The places that somebody holds, for as long as it takes to write a word.
#[map]
static HELD: HashMap<u64, u64> = HashMap::with_max_entries(Turn::HELD_AT_ONCE, 0);

/// Flag of an update: only if nothing is there (include/uapi/linux/bpf.h, v6.12).
const BPF_NOEXIST: u64 = 1;

/// Puts `new` in the place of `old` if that is there, ordered with all other accesses; gives what was there. Who meets another at the
/// place in this instant is told that something else was there.
#[inline(always)]
pub fn exchange(place: &mut u64, turn: Turn, old: u64, new: u64) -> u64 {
    let found = look_at(place);
    if found != old || old == new {
        return found;
    }
    if !take(turn) {
        return !old;
    }
    let found = look_at(place);
    if found == old {
        write(place, new);
    }
    give_back(turn);
    found
}

/// Puts `new` in the place of `old`, which is there, and which nobody else replaces; ordered with all other accesses.
#[inline(always)]
pub fn put(place: &mut u64, turn: Turn, _: u64, new: u64) {
    // For the order's sake, which comes with the map's lock: whoever else holds the place leaves it as it is.
    let is_mine = take(turn);
    write(place, new);
    if is_mine {
        give_back(turn);
    }
}

#[inline(always)]
fn take(turn: Turn) -> bool {
    HELD.insert(turn.0, turn.0, BPF_NOEXIST).is_ok()
}

#[inline(always)]
fn give_back(turn: Turn) {
    let _ = HELD.remove(turn.0);
}

#[inline(always)]
fn look_at(place: &mut u64) -> u64 {
    // SAFETY: it is valid and aligned, and any value of it is good.
    unsafe { ptr::read_volatile(place) }
}

#[inline(always)]
fn write(place: &mut u64, value: u64) {
    // SAFETY: as above.
    unsafe { ptr::write_volatile(place, value) }
}
