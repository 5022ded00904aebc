//! Where the operation of each context is kept: a table that the context's number leads into, so that finding it costs a few instructions
//! and no search. Two contexts may meet at one place: whoever comes second is kept in a hash map until its operation is over.

use core::ptr;

use aya_ebpf::macros::map;
use aya_ebpf::maps::LruHashMap;
use grantscope_wire::{HookId, LossKind};

use super::context::Context;
use super::events::Events;
use super::evidence::Evidence;
use super::teardown::Unmapping;
use crate::exchange::exchange;
use crate::out::loss;

/// An operation that is under way. A power of two of bytes, for the sake of its place in the table.
#[repr(C, align(2048))]
pub struct Task {
    /// The context that is in it; 0: none.
    pub(super) owner: u64,
    /// Not 0: other contexts wanted this place.
    displaces: u32,
    /// The hook that it began at.
    pub(super) hook: u8,
    /// How often that hook was entered again since.
    pub(super) nested: u8,
    /// The operation may turn out to be none of ours: it counts only once it is confirmed.
    pub(super) tentative: u8,
    /// Not 0: it has no place in the table.
    pub(super) is_displaced: u8,
    /// Of the call that the operation is: what its return wants to know.
    pub(super) arguments: [u64; 2],
    /// Address of the map that it allocated, or maps; 0: none yet.
    pub(super) map: u64,
    /// The lock that it waits for; 0: none.
    pub(super) lock: u64,
    /// Of an operation that is sounded: when the program that runs began.
    pub(super) program_ns: u64,
    /// The unmapping that it has requested, while that is not done.
    pub unmapping: Unmapping,
    /// For the case that the operation fails.
    pub evidence: Evidence,
    pub events: Events,
}

const _: () = assert!(size_of::<Task>() == 2048);

impl Task {
    /// Nobody's. All zero.
    const IDLE: Self = Self {
        owner: 0,
        displaces: 0,
        hook: 0,
        nested: 0,
        tentative: 0,
        is_displaced: 0,
        arguments: [0; 2],
        map: 0,
        lock: 0,
        program_ns: 0,
        unmapping: Unmapping::NONE,
        evidence: Evidence::NONE,
        events: Events::NONE,
    };
}

/// Places in the table, as a power of two.
const PLACE_BITS: u32 = 10;
/// Places in the table.
pub const PLACES: usize = 1 << PLACE_BITS;
/// An owner that is no context.
const BLOCKED: u64 = 1;

/// What every program looks at.
#[repr(C)]
struct Looked {
    /// Not 0: an operation may be sounded somewhere. Two processors may contradict each other: then programs of an operation do not time
    /// themselves, or look in vain for one that does.
    is_sounding: u32,
    tasks: [Task; PLACES],
}

/// A static and no map: its address is known when a program is loaded.
static mut LOOKED: Looked = Looked { is_sounding: 0, tasks: [Task::IDLE; PLACES] };

#[inline(always)]
pub fn is_sounding() -> bool {
    // SAFETY: any value of it is good.
    unsafe { ptr::read_volatile(&raw const LOOKED.is_sounding) != 0 }
}

#[inline(always)]
pub fn set_sounding(value: u32) {
    // SAFETY: as above.
    unsafe { ptr::write_volatile(&raw mut LOOKED.is_sounding, value) }
}

/// Those that found their place taken. Entries stay when their operation is over: those of tasks that are gone make room for new ones.
#[map]
static DISPLACED: LruHashMap<u64, Task> = LruHashMap::with_max_entries(PLACES as u32, 0);

/// The place that a context's number leads to.
#[inline(always)]
pub fn place_of(context: u64) -> u64 {
    // Fibonacci hashing of the lower half, in which the numbers differ: a factor of 32 bits takes fewer instructions to load.
    (context.wrapping_mul(0x61c8_8647) >> (32 - PLACE_BITS)) & (PLACES as u64 - 1)
}

/// What is at a place.
#[inline(always)]
pub fn at(place: u64) -> &'static mut Task {
    // SAFETY: there are as many places; and only the context that owns a place uses more of it than its owner.
    unsafe { &mut *(&raw mut LOOKED.tasks).cast::<Task>().add(place as usize & (PLACES - 1)) }
}

#[inline(always)]
fn place(context: Context) -> &'static mut Task {
    at(place_of(context.id()))
}

/// The operation that this context is in.
#[inline(always)]
pub fn find(context: Context) -> Option<&'static mut Task> {
    let task = place(context);
    if task.owner == context.id() {
        return Some(task);
    }
    if task.displaces == 0 {
        return None;
    }
    // SAFETY: as above.
    unsafe { displaced(context.id()).as_mut() }
}

/// A place for an operation of this context, which is in none.
#[inline(always)]
pub fn claim(context: Context, hook: HookId) -> Option<&'static mut Task> {
    let task = place(context);
    if exchange(&mut task.owner, 0, context.id()) == 0 {
        return Some(task);
    }
    task.displaces = 1;
    // SAFETY: as above.
    let task = unsafe { displace(context.id()).as_mut() };
    if task.is_none() {
        loss::count(hook, LossKind::TaskTableFull);
    }
    task
}

/// Makes a place that no operation has one that none can get.
#[inline(always)]
pub fn block(task: &mut Task) -> bool {
    exchange(&mut task.owner, 0, BLOCKED) == 0
}

/// The operation is over, or the place is no longer blocked.
#[inline(always)]
pub fn release(task: &mut Task) {
    let owner = task.owner;
    exchange(&mut task.owner, owner, 0);
}

#[inline(never)]
fn displaced(id: u64) -> *mut Task {
    match DISPLACED.get_ptr_mut(id) {
        // SAFETY: only this context uses its entry.
        Some(task) if unsafe { (*task).owner } == id => task,
        _ => core::ptr::null_mut(),
    }
}

#[inline(never)]
fn displace(id: u64) -> *mut Task {
    let task = match DISPLACED.get_ptr_mut(id) {
        Some(task) => task,
        None => {
            let _ = DISPLACED.insert(id, &Task::IDLE, 0);
            match DISPLACED.get_ptr_mut(id) {
                Some(task) => task,
                None => return core::ptr::null_mut(),
            }
        }
    };
    // SAFETY: as above.
    unsafe { ((*task).owner, (*task).is_displaced) = (id, 1) };
    task
}
