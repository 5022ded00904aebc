//! Where the operation of each context is kept: a table that the context's number leads into, so that finding it costs a few instructions
//! and no search. Two contexts may meet at one place: whoever comes second takes the next free one until its operation is over.

use core::ptr;

use grantscope_wire::handover::{self, PLACE_BITS};
use grantscope_wire::{HookId, LossKind, TableId, Turn};

use super::context::Context;
use super::events::Events;
use super::evidence::Evidence;
use super::teardown::Unmapping;
use crate::exchange::{exchange, put};
use crate::out::loss;
use crate::repeat::repeat;

/// A buffer is mapped for a device.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Mapping {
    /// The address of its scatter list.
    pub(super) table: u64,
    /// Of entries that were not mapped where they lie.
    pub(super) bounced_bytes: u64,
    /// Of the last of them.
    pub(super) last_bounce_bytes: u64,
}

impl Mapping {
    /// Of this scatter list, of which nothing is mapped yet. 0: it is not known.
    pub(super) const fn of(table: u64) -> Self {
        Self { table, bounced_bytes: 0, last_bounce_bytes: 0 }
    }
}

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
    pub(super) reserved: u8,
    /// Of the call that the operation is: what its return wants to know.
    pub(super) arguments: [u64; 2],
    /// Address of the map that it allocated, or maps; 0: none yet.
    pub(super) map: u64,
    /// The lock that it waits for; 0: none.
    pub(super) lock: u64,
    /// The buffer that is being mapped for a device. What was before is of no operation that is now.
    pub(super) mapping: Mapping,
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
        reserved: 0,
        arguments: [0; 2],
        map: 0,
        lock: 0,
        mapping: Mapping::of(0),
        program_ns: 0,
        unmapping: Unmapping::NONE,
        evidence: Evidence::NONE,
        events: Events::NONE,
    };
}

impl Task {
    /// Whether an operation is under way.
    #[inline(always)]
    pub fn is_owned(&self) -> bool {
        self.owner != 0
    }
}

/// Places in the table.
pub const PLACES: usize = handover::PLACES as usize;
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

/// The number of a context's own place.
#[inline(always)]
fn place_of(context: u64) -> u64 {
    // Fibonacci hashing of the lower half, in which the numbers differ: a factor of 32 bits takes fewer instructions to load.
    (context.wrapping_mul(0x61c8_8647) >> (32 - PLACE_BITS)) & (PLACES as u64 - 1)
}

/// The place with this number, below [`PLACES`].
#[inline(always)]
pub fn at(place: u64) -> &'static mut Task {
    // SAFETY: there are as many places; and only the context that owns a place uses more of it than its owner.
    unsafe { &mut *(&raw mut LOOKED.tasks).cast::<Task>().add(place as usize) }
}

#[inline(always)]
fn turn(task: &Task) -> Turn {
    // SAFETY: the address alone.
    let first = unsafe { &raw const LOOKED.tasks };
    let bytes = (&raw const *task).addr() - first.addr();
    Turn::at(TableId::Tasks, (bytes / size_of::<Task>()) as u64)
}

/// The operation that this context is in.
#[inline(always)]
pub fn find(context: Context) -> Option<&'static mut Task> {
    let task = at(place_of(context.id()));
    if task.owner == context.id() {
        return Some(task);
    }
    if task.displaces == 0 {
        return None;
    }
    let place = displaced(context.id());
    (place < PLACES as u64).then(|| at(place))
}

/// A place for an operation of this context, which is in none.
#[inline(always)]
pub fn claim(context: Context, hook: HookId) -> Option<&'static mut Task> {
    let task = at(place_of(context.id()));
    if exchange_owner(task, 0, context.id()) == 0 {
        return Some(task);
    }
    task.displaces = 1;
    let place = displace(context.id());
    if place < PLACES as u64 {
        return Some(at(place));
    }
    loss::count(hook, LossKind::TaskTableFull);
    None
}

/// Makes a place that no operation has one that none can get, until it is released. Whether that was so.
#[inline(always)]
pub fn block(task: &mut Task) -> bool {
    exchange_owner(task, 0, BLOCKED) == 0
}

/// The operation is over, or the place need not be blocked any more.
#[inline(always)]
pub fn release(task: &mut Task) {
    let (turn, owner) = (turn(task), task.owner);
    put(&mut task.owner, turn, owner, 0);
}

#[inline(always)]
fn exchange_owner(task: &mut Task, old: u64, new: u64) -> u64 {
    let turn = turn(task);
    exchange(&mut task.owner, turn, old, new)
}

/// Places that are looked at behind a context's own, for one that is free.
const NEIGHBOURS: u32 = 64;
/// No place.
const NONE: u64 = PLACES as u64;

/// A look at the neighbours.
#[repr(C)]
struct Search {
    context: u64,
    /// Who owns the place that is looked for.
    owner: u64,
    place: u64,
}

// The names of both are seen outside, and what they give is a number: then the verifier looks at them once in each program, and not once
// more for every way on which one of them is called, and what follows a call it sees once as well.

/// The place of this context's operation, if it is not its own; else [`NONE`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn displaced(context: u64) -> u64 {
    search(Search { context, owner: context, place: NONE })
}

/// Takes the first free place behind this context's own; [`NONE`]: there is none.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn displace(context: u64) -> u64 {
    search(Search { context, owner: 0, place: NONE })
}

#[inline(always)]
fn search(mut search: Search) -> u64 {
    repeat::<NEIGHBOURS, _>(NEIGHBOURS, look_at_neighbour, &mut search);
    search.place
}

/// For [`repeat`]: looks at one place. Returns whether to stop.
extern "C" fn look_at_neighbour(index: u64, search: *mut Search) -> i64 {
    // SAFETY: what was handed to `repeat`.
    let search = unsafe { &mut *search };
    let place = (place_of(search.context) + 1 + index) % PLACES as u64;
    let task = at(place);
    // Whoever looks for its own place finds it there, and puts itself there again.
    if exchange_owner(task, search.owner, search.context) != search.owner {
        return 0;
    }
    search.place = place;
    1
}
