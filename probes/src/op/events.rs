//! The log of the hooks that an operation passed, each with its time. The collector makes stages of it: that costs the operation nothing.

use core::hint::black_box;
use core::mem::offset_of;

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use grantscope_wire::record::{HEADER_BYTES, MAX_EVENTS, PART, STAGES_INCOMPLETE, UNRETURNED};
use grantscope_wire::{Edge, Event, GrantStatus, HookId, LossKind, Op, OpHeader, TeardownInside};

use super::evidence::STATUSES;
use crate::out::{loss, ring};
use crate::repeat::repeat;

/// Bit `n`: that the hook of id `n` was passed is asked for later.
const REMEMBERED: u64 = bits(&[
    HookId::GntdevAllocMap,
    HookId::GntdevAddMap,
    HookId::GnttabMapRefs,
    HookId::GnttabUnmapRefs,
    HookId::GntdevFreeMap,
    HookId::GnttabFreePages,
    HookId::DmaBufExport,
    HookId::DmaBufDynamicAttach,
    HookId::VmMapPagesZero,
    HookId::GnttabBatchMap,
    HookId::GnttabBatchCopy,
]);

const fn bits(hooks: &[HookId]) -> u64 {
    let (mut bits, mut n) = (0, 0);
    while n < hooks.len() {
        bits |= 1 << hooks[n].id();
        n += 1;
    }
    bits
}

/// Monotonic time.
#[inline(always)]
pub fn now_ns() -> u64 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_ktime_get_ns() }
}

unsafe extern "C" {
    /// [`Events::make_room`] of the operation here: `apart.rs`, which knows where that is kept.
    fn make_room() -> u64;
}

/// Words of a context's records, as a power of two, so that a place among them can be masked.
const WORDS: usize = 128;
const WORD_MASK: usize = WORDS - 1;
/// Room behind them for what is written in one go wherever they end: a header, or the statuses.
const SPARE_WORDS: usize = 16;
const HEADER_WORDS: usize = HEADER_BYTES / 8;
/// Records among them at most.
const MOST_RECORDS: u32 = (WORDS / HEADER_WORDS) as u32;
/// Words that there is room for when an operation begins. Few have more events, also of those that are sounded, whose time for the programs
/// would be wrong if they made room in between.
const FREE_WORDS: usize = HEADER_WORDS + 42;

/// The record of an operation, as far as it has come; before it, those of operations of the same place in the table that are over: to hand
/// over several in one go costs little more than one.
#[repr(C)]
pub struct Events {
    /// Words of records that are finished.
    finished: u32,
    /// Words behind the last event.
    end: u32,
    /// Bit `n`: the hook of id `n` was passed.
    seen: u64,
    /// Teardowns in the record, of which there is no record of their own.
    teardowns: u32,
    /// The same in those that are finished.
    finished_teardowns: u32,
    /// What its record will begin with.
    head: OpHeader,
    words: [u64; WORDS + SPARE_WORDS],
}

impl Events {
    /// No operation. All zero.
    pub const NONE: Self = Self {
        finished: 0,
        end: 0,
        seen: 0,
        teardowns: 0,
        finished_teardowns: 0,
        head: OpHeader {
            start_ns: 0,
            duration_ns: 0,
            map_generation_ns: 0,
            tgid: 0,
            tid: 0,
            comm: [0; 16],
            pages: 0,
            ret: 0,
            domid: 0,
            op: 0,
            buffer: 0,
            event_count: 0,
            flags: 0,
            started_by: 0,
            cause: 0,
            caller: 0,
            status_count: 0,
            allocator: 0,
            attempts: 0,
        },
        words: [0; WORDS + SPARE_WORDS],
    };

    /// Whether there are records that are finished.
    #[inline(always)]
    pub fn has_finished(&self) -> bool {
        self.finished > 0
    }

    /// Whether they leave little room.
    #[inline(always)]
    pub fn is_full(&self) -> bool {
        self.finished as usize > WORDS - FREE_WORDS
    }

    /// An operation begins: everything of the last one is forgotten.
    #[inline(always)]
    pub fn begin(&mut self, op: u8) {
        self.end = self.finished + HEADER_WORDS as u32;
        self.teardowns = 0;
        self.seen = 0;
        self.head.begin(op);
    }

    /// Its time begins.
    #[inline(always)]
    pub fn start(&mut self) {
        self.head.start_ns = now_ns();
    }

    /// Its time is over.
    #[inline(always)]
    pub fn end(&mut self, now: u64) {
        self.head.duration_ns = now.wrapping_sub(self.head.start_ns);
    }

    /// A function was entered: the clock is read last.
    #[inline(always)]
    pub fn enter(&mut self, hook: HookId) {
        let (place, start) = (self.place(hook), self.head.start_ns);
        self.words[place] = Event::new(Event::code(hook, Edge::Entry), now_ns().wrapping_sub(start)).0;
    }

    /// A function returned at this time.
    #[inline(always)]
    pub fn leave(&mut self, hook: HookId, now: u64) {
        let place = self.place(hook);
        let offset = now.wrapping_sub(self.head.start_ns);
        self.words[place] = Event::new(Event::code(hook, Edge::Return), offset).0;
    }

    /// A function was entered of which no time is taken: what it costs to see that is known.
    #[inline(always)]
    pub fn mark(&mut self, hook: HookId) {
        self.add(Event::new(Event::code(hook, Edge::Mark), 0));
    }

    /// One more word.
    #[inline(always)]
    pub fn add(&mut self, word: Event) {
        let place = self.room();
        self.words[place] = word.0;
    }

    /// Where the next event goes.
    #[inline(always)]
    fn place(&mut self, hook: HookId) -> usize {
        if REMEMBERED >> hook.id() & 1 != 0 {
            self.seen |= 1 << hook.id();
        }
        self.room()
    }

    #[inline(always)]
    fn room(&mut self) -> usize {
        if self.end as usize >= WORD_MASK {
            // It comes to the events by a way of its own: that the compiler has to know.
            black_box(&raw mut *self);
            // SAFETY: it is ours.
            unsafe { make_room() };
        }
        let place = self.end as usize & WORD_MASK;
        self.end = place as u32 + 1;
        place
    }

    /// What the operation had requested to be unmapped is.
    #[inline(always)]
    pub fn add_teardown(&mut self, teardown: TeardownInside) {
        for word in teardown.words() {
            self.add(word);
        }
        self.teardowns += 1;
    }

    /// Whether the hook was passed.
    #[inline(always)]
    pub fn passed(&self, hook: HookId) -> bool {
        self.passed_any(&[hook])
    }

    /// Whether any of these hooks was passed.
    #[inline(always)]
    pub fn passed_any(&self, hooks: &[HookId]) -> bool {
        self.seen & bits(hooks) != 0
    }

    /// What is known of the operation.
    pub fn head(&self) -> &OpHeader {
        &self.head
    }

    pub fn head_mut(&mut self) -> &mut OpHeader {
        &mut self.head
    }

    /// The record is finished.
    #[inline(always)]
    pub fn finish(&mut self) {
        let (begin, end) = (self.finished as usize & WORD_MASK, self.end as usize & WORD_MASK);
        self.head.event_count = (end - begin - HEADER_WORDS) as u8;
        self.put_header(begin);
        self.finished = end as u32 + u32::from(self.head.status_count);
        self.finished_teardowns += self.teardowns;
        ring::note_waiting();
    }

    /// The same of an operation that did not return as far as was seen.
    #[inline(always)]
    pub fn finish_unreturned(&mut self) {
        self.head.flags |= UNRETURNED;
        self.finish();
    }

    /// The header, before the events that it is about.
    #[inline(always)]
    fn put_header(&mut self, begin: usize) {
        let head: *const [u64; HEADER_WORDS] = (&raw const self.head).cast();
        // SAFETY: a header has as many words, and there is room for them behind every place.
        unsafe { *self.words.as_mut_ptr().add(begin & WORD_MASK).cast::<[u64; HEADER_WORDS]>() = *head };
    }

    /// Writes the grant statuses behind the events that travel: all of them, also those of no reference, because a branch for each
    /// would make more paths than the verifier follows.
    #[inline(always)]
    pub fn append_statuses(&mut self, counts: &[u32; STATUSES]) {
        let end = self.end as usize & WORD_MASK;
        // SAFETY: inside the words, which have room for every status behind the last of the events.
        let behind = unsafe { self.words.as_mut_ptr().add(end).cast::<GrantStatus>() };
        for status in 1..STATUSES {
            let entry = GrantStatus { count: counts[status], status: -(status as i16), reserved: 0 };
            // SAFETY: as above; fewer than `STATUSES`, which is no more than `SPARE_WORDS`.
            unsafe { behind.add(status - 1).write(entry) };
        }
        self.head.status_count = STATUSES as u8 - 1;
    }

    /// Hands over what is finished, in one go. What does not fit in the ring is counted as lost.
    #[inline(always)]
    pub fn hand_over(&mut self) {
        let words = (self.finished as usize).min(self.words.len());
        if words == 0 {
            return;
        }
        // SAFETY: there are as many words.
        if unsafe { ring::send(self.words.as_ptr(), words) } {
            self.count_lost(words);
        }
        (self.finished, self.finished_teardowns) = (0, 0);
    }

    #[inline(always)]
    fn count_lost(&self, words: usize) {
        let mut lost = Lost { events: self, at: 0, words };
        repeat::<MOST_RECORDS, _>(MOST_RECORDS, count_one_lost, &mut lost);
        loss::add(Op::Teardown.reported_by(), LossKind::RingFull, self.finished_teardowns.into());
    }

    /// Makes room for more events: hands over what is finished, and moves the events of the operation to the front; or sends them ahead.
    #[inline(always)]
    pub fn make_room(&mut self) {
        let finished = self.finished as usize;
        if finished > 0 {
            self.hand_over();
            self.end -= finished as u32;
            let events = self.end - HEADER_WORDS as u32;
            let mut moved = Moved { events: self, by: finished };
            repeat::<{ WORDS as u32 }, _>(events, move_one, &mut moved);
        } else {
            self.send_part();
        }
    }

    #[inline(always)]
    fn send_part(&mut self) {
        let head = &mut self.head;
        head.event_count = (WORD_MASK - HEADER_WORDS) as u8;
        head.tid = bpf_get_current_pid_tgid() as u32;
        head.flags |= PART;
        self.put_header(0);
        // SAFETY: there are as many words.
        let refused = unsafe { ring::send(self.words.as_ptr(), WORD_MASK) };
        self.head.flags &= !PART;
        if refused {
            self.head.flags |= STAGES_INCOMPLETE;
            loss::count(HookId::GntdevIoctl, LossKind::StackOverflow);
            loss::add(Op::Teardown.reported_by(), LossKind::RingFull, self.teardowns.into());
            self.teardowns = 0;
        }
        self.end = HEADER_WORDS as u32;
    }
}

/// Words of a header with the operation and the number of events, and with the number of statuses.
const OP_WORD: usize = offset_of!(OpHeader, op) / 8;
const STATUS_WORD: usize = offset_of!(OpHeader, status_count) / 8;

const _: () = assert!(offset_of!(OpHeader, op) % 8 == 2 && offset_of!(OpHeader, event_count) % 8 == 4);
const _: () = assert!(offset_of!(OpHeader, status_count) % 8 == 4);
const _: () = assert!(HEADER_WORDS <= SPARE_WORDS && STATUSES <= SPARE_WORDS && MAX_EVENTS >= WORDS - HEADER_WORDS);

/// Records that are gone over.
#[repr(C)]
struct Lost {
    events: *const Events,
    at: usize,
    words: usize,
}

/// For [`repeat`]: counts one record. Returns whether to stop.
extern "C" fn count_one_lost(_: u64, lost: *mut Lost) -> i64 {
    // SAFETY: what was handed to `repeat`.
    let (lost, events) = unsafe { (&mut *lost, &*(*lost).events) };
    if lost.at >= lost.words {
        return 1;
    }
    let [op, statuses] = [events.words[(lost.at + OP_WORD) & WORD_MASK], events.words[(lost.at + STATUS_WORD) & WORD_MASK]];
    loss::count_at(reported_by((op >> 16) as u8), LossKind::RingFull);
    lost.at += HEADER_WORDS + (op >> 32 & 0xff) as usize + (statuses >> 32 & 0xff) as usize;
    0
}

/// Events that are moved to the front.
#[repr(C)]
struct Moved {
    events: *mut Events,
    by: usize,
}

/// For [`repeat`]: moves the event with this number.
extern "C" fn move_one(number: u64, moved: *mut Moved) -> i64 {
    // SAFETY: what was handed to `repeat`.
    let (moved, events) = unsafe { (&*moved, &mut *(*moved).events) };
    let to = number as usize + HEADER_WORDS;
    events.words[to & WORD_MASK] = events.words[(to + moved.by) & WORD_MASK];
    0
}

/// The id of the hook that reports the operation with this id.
#[inline(always)]
fn reported_by(op: u8) -> u8 {
    static REPORTED_BY: [u8; OP_IDS] = {
        let mut hooks = [0; OP_IDS];
        let mut n = 0;
        while n < Op::ALL.len() {
            hooks[Op::ALL[n].id() as usize] = Op::ALL[n].reported_by().id();
            n += 1;
        }
        hooks
    };
    REPORTED_BY[usize::from(op) % OP_IDS]
}

const OP_IDS: usize = 32;
