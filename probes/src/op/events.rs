//! The log of the hooks that an operation passed, each with its time. The collector makes stages of it: that costs the operation nothing.

use core::hint::black_box;

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use grantscope_wire::record::{EVENT_BYTES, HEADER_BYTES, MAX_EVENTS, MAX_STATUSES, PART, STAGES_INCOMPLETE};
use grantscope_wire::{Edge, Event, GrantStatus, HookId, LossKind, Op, OpHeader, OpRecord, TeardownInside};

use crate::op::evidence::STATUSES;
use crate::out::{loss, ring};

const EVENT_MASK: usize = MAX_EVENTS - 1;

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
    /// Sends the events of the operation here ahead: `parts.rs`, which knows where that is kept.
    fn send_part() -> u64;
}

/// An operation's record, as far as it has come.
#[repr(C)]
pub struct Events {
    /// Events in the record.
    count: u32,
    /// Teardowns in the record, of which there is no record of their own.
    teardowns: u32,
    /// Bit `n`: the hook of id `n` was passed.
    seen: u64,
    record: OpRecord,
}

impl Events {
    /// No operation. All zero.
    pub const NONE: Self = Self {
        count: 0,
        teardowns: 0,
        seen: 0,
        record: OpRecord {
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
                reserved: 0,
                attempts: 0,
            },
            events: [Event(0); MAX_EVENTS],
            statuses: [GrantStatus { count: 0, status: 0, reserved: 0 }; MAX_STATUSES],
        },
    };

    /// An operation begins: everything of the last one is forgotten.
    #[inline(always)]
    pub fn begin(&mut self, op: u8) {
        self.count = 0;
        self.teardowns = 0;
        self.seen = 0;
        self.record.head.begin(op);
    }

    /// Its time begins.
    #[inline(always)]
    pub fn start(&mut self) {
        self.record.head.start_ns = now_ns();
    }

    /// Its time is over.
    #[inline(always)]
    pub fn end(&mut self, now: u64) {
        self.record.head.duration_ns = now.wrapping_sub(self.record.head.start_ns);
    }

    /// A function was entered: the clock is read last.
    #[inline(always)]
    pub fn enter(&mut self, hook: HookId) {
        let (place, start) = (self.place(hook), self.record.head.start_ns);
        self.record.events[place] = Event::new(Event::code(hook, Edge::Entry), now_ns().wrapping_sub(start));
    }

    /// A function returned at this time.
    #[inline(always)]
    pub fn leave(&mut self, hook: HookId, now: u64) {
        let place = self.place(hook);
        let offset = now.wrapping_sub(self.record.head.start_ns);
        self.record.events[place] = Event::new(Event::code(hook, Edge::Return), offset);
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
        self.record.events[place] = word;
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
        if self.count as usize >= EVENT_MASK {
            // It comes to the events by a way of its own: that the compiler has to know.
            black_box(&raw mut *self);
            // SAFETY: it is ours.
            unsafe { send_part() };
        }
        let place = self.count as usize & EVENT_MASK;
        self.count = place as u32 + 1;
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

    /// The record was refused, and they with it.
    #[inline(always)]
    pub fn count_lost_teardowns(&mut self) {
        if self.teardowns > 0 {
            loss::add(Op::Teardown.reported_by(), LossKind::RingFull, self.teardowns.into());
            self.teardowns = 0;
        }
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

    /// Sends the events ahead, to make room.
    #[inline(always)]
    pub fn send_part(&mut self) {
        let head = &mut self.record.head;
        head.event_count = EVENT_MASK as u8;
        head.tid = bpf_get_current_pid_tgid() as u32;
        head.flags |= PART;
        // SAFETY: the record has room for as many events.
        let refused = unsafe { ring::send_unfiltered((&raw mut self.record).cast()) };
        let head = &mut self.record.head;
        head.flags &= !PART;
        if refused {
            head.flags |= STAGES_INCOMPLETE;
            loss::count(HookId::GntdevIoctl, LossKind::StackOverflow);
            self.count_lost_teardowns();
        }
        self.count = 0;
    }

    /// What is known of the operation.
    pub fn head(&self) -> &OpHeader {
        &self.record.head
    }

    pub fn head_mut(&mut self) -> &mut OpHeader {
        &mut self.record.head
    }

    /// The finished record. It has room for every event, and behind them for every status.
    #[inline(always)]
    pub fn record(&mut self) -> *mut OpHeader {
        self.record.head.event_count = self.count as u8;
        (&raw mut self.record).cast()
    }

    /// Writes the grant statuses behind the events that travel: all of them, also those of no reference, because a branch for each
    /// would make more paths than the verifier follows.
    #[inline(always)]
    pub fn append_statuses(&mut self, counts: &[u32; STATUSES]) {
        let events = self.count as usize & EVENT_MASK;
        // SAFETY: inside the record, which has room for every status behind the last of its events.
        let behind =
            unsafe { (&raw mut self.record).cast::<u8>().add(HEADER_BYTES + events * EVENT_BYTES).cast::<GrantStatus>() };
        for status in 1..STATUSES {
            let entry = GrantStatus { count: counts[status], status: -(status as i16), reserved: 0 };
            // SAFETY: as above; fewer than `STATUSES`, which is no more than `MAX_STATUSES`.
            unsafe { behind.add(status - 1).write_unaligned(entry) };
        }
        self.record.head.status_count = STATUSES as u8 - 1;
    }
}
