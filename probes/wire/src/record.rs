//! The record of one operation, as it travels through the ring buffer: often there are several in one entry, one behind the other.

use core::mem::{offset_of, size_of};

use crate::{Allocator, Buffer, Cause, HookId, MapInfo};

/// No record has as many events. An operation that passes more hooks sends the first of them ahead, in records of their own (`PART`).
pub const MAX_EVENTS: usize = 128;

/// Distinct grant statuses a record has room for: Xen has 14 (include/xen/interface/grant_table.h, v6.12).
pub const MAX_STATUSES: usize = 16;

/// `OpHeader::pages` is known.
pub const PAGES_KNOWN: u8 = 1;
/// `OpHeader::domid` is known.
pub const DOMID_KNOWN: u8 = 1 << 1;
/// Events are missing: stages may be charged to the one around them.
pub const STAGES_INCOMPLETE: u8 = 1 << 2;
/// Which grant statuses the references got could not be read.
pub const STATUSES_UNREAD: u8 = 1 << 3;
/// Not the operation's record, but the first of its events, sent ahead because there were too many. Of the header only `start_ns`, `tid`
/// and `op` are meant.
pub const PART: u8 = 1 << 4;
/// Not an operation: its return was not seen, and the thread has begun another. Of the header only `start_ns`, `tid` and `op` are meant; the
/// events are those of the operation and of all that its thread did since.
pub const UNRETURNED: u8 = 1 << 6;
/// The programs timed themselves: behind each event there is a `Sounding`. That costs time of its own.
pub const SOUNDED: u8 = 1 << 5;

/// `OpHeader::op` of a record of the twins (`probes/src/hooks/twins.rs`): it tells what the programs cost.
pub const CALIBRATION: u8 = u8::MAX;

/// The request, who made it, and how it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct OpHeader {
    /// Monotonic time at which the operation began.
    pub start_ns: u64,
    /// How long it took, the probes' own time included.
    pub duration_ns: u64,
    /// Distinguishes maps that live at the same address one after the other: the time of allocation. 0: unknown.
    pub map_generation_ns: u64,
    /// Process.
    pub tgid: u32,
    /// Thread.
    pub tid: u32,
    /// The thread's name, padded with zeros.
    pub comm: [u8; 16],
    /// Grant references the operation was about, if `PAGES_KNOWN`.
    pub pages: u32,
    /// 0, or a negative errno.
    pub ret: i32,
    /// The other domain, if `DOMID_KNOWN`.
    pub domid: u16,
    /// `Op`.
    pub op: u8,
    /// `Buffer`; 0: unknown.
    pub buffer: u8,
    /// How many entries of `OpRecord::events` follow. Fewer than `MAX_EVENTS`.
    pub event_count: u8,
    /// `PAGES_KNOWN` and its like.
    pub flags: u8,
    /// Of a teardown: the `Op` that requested it. 0: none of ours, or not a teardown.
    pub started_by: u8,
    /// `Cause`: what the errno hides. 0: nothing, or not known.
    pub cause: u8,
    /// Where an in-kernel user called from: a return address, relative to the start of the grant table's own functions.
    /// 0: not known, or a call from user space. Kernel and modules lie within 2 GiB: branches between them could not reach further.
    pub caller: i32,
    /// How many `GrantStatus` follow the events.
    pub status_count: u8,
    /// `Allocator` of the DMA buffer that it allocated; 0: it allocated none. Only where the hook of `cma_alloc` is watched.
    pub allocator: u8,
    /// Of a teardown: attempts after the first.
    pub attempts: u16,
}

const _: () = assert!(
    offset_of!(OpHeader, pages) % 8 == 0
        && offset_of!(OpHeader, pages) + 3 * 8 == size_of::<OpHeader>()
        && offset_of!(OpHeader, op) == offset_of!(OpHeader, pages) + 8 + 2
);

impl OpHeader {
    /// An operation begins: nothing is known of it but what it is.
    #[inline(always)]
    pub const fn begin(&mut self, op: u8) {
        self.map_generation_ns = 0;
        let [pages_and_ret, op_and_flags, rest] = [0, u64::from_ne_bytes([0, 0, op, 0, 0, 0, 0, 0]), 0];
        // By words, because the compiler would store every member on its own.
        let words: *mut [u64; 3] = (&raw mut self.pages).cast();
        // SAFETY: the members from `pages` to the end are three words without padding, as asserted below, of which any bytes are a value.
        unsafe { *words = [pages_and_ret, op_and_flags, rest] };
    }

    /// Whether `pages` is known.
    pub const fn knows_pages(&self) -> bool {
        self.flags & PAGES_KNOWN != 0
    }

    /// Whether `buffer` is known.
    pub const fn knows_buffer(&self) -> bool {
        self.buffer != 0
    }

    /// From now on it is known how many grant references the operation is about.
    pub const fn set_pages(&mut self, pages: u32) {
        self.pages = pages;
        self.flags |= PAGES_KNOWN;
    }

    /// From now on the other domain is known. Xen's `domid_t` has 16 bits, and so does what the kernel hands to Xen.
    pub const fn set_domid(&mut self, domid: u32) {
        self.domid = domid as u16;
        self.flags |= DOMID_KNOWN;
    }

    /// From now on it is known what backs the mapping.
    pub const fn set_buffer(&mut self, buffer: Buffer) {
        self.buffer = buffer.id();
    }

    /// From now on it is known where the DMA buffer's memory is from.
    pub const fn set_allocator(&mut self, allocator: Allocator) {
        self.allocator = allocator.id();
    }

    /// From now on it is known why the operation failed.
    pub const fn set_cause(&mut self, cause: Cause) {
        self.cause = cause.id();
    }

    /// The operation is about this map.
    #[inline(always)]
    pub const fn set_map(&mut self, map: &MapInfo) {
        self.set_pages(map.pages);
        self.buffer = map.buffer;
        self.map_generation_ns = map.generation_ns;
        if let Some(domid) = map.domid() {
            self.set_domid(domid as u32);
        }
    }

    /// What is known of the map that the operation is about.
    #[inline(always)]
    pub const fn map_info(&self) -> MapInfo {
        MapInfo {
            generation_ns: self.map_generation_ns,
            pages: self.pages,
            buffer: self.buffer,
            domid_known: self.flags & DOMID_KNOWN,
            domid: self.domid,
        }
    }
}

/// A hook was passed during an operation: its code, and when, counted from the operation's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Event(pub u64);

/// Which end of a function a hook was passed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edge {
    /// Its entry; or a tracepoint.
    Entry,
    /// Its return.
    Return,
    /// Its entry, where only that it was passed is known, and not when: between the events before and behind.
    Mark,
}

/// Bits of an event that are its code.
const CODE_BITS: u32 = 8;
/// The bit of a code that says that the function returned: ids of hooks are below it.
const RETURNED: u8 = 0x80;
/// The bit of a code that says that the event has no time.
const MARKED: u8 = 0x40;

impl Event {
    /// The code of a hook's end.
    pub const fn code(hook: HookId, edge: Edge) -> u8 {
        match edge {
            Edge::Entry => hook.id(),
            Edge::Return => hook.id() | RETURNED,
            Edge::Mark => hook.id() | MARKED,
        }
    }

    /// The hook was passed at that time. An offset has 56 bits: two years.
    #[inline(always)]
    pub const fn new(code: u8, offset_ns: u64) -> Self {
        Self(offset_ns << CODE_BITS | code as u64)
    }

    /// When, in ns from the operation's start.
    pub const fn offset_ns(self) -> u64 {
        self.0 >> CODE_BITS
    }

    /// Which hook's which end: what `code` makes.
    pub const fn code_of(self) -> u8 {
        self.0 as u8
    }

    /// Which end.
    pub const fn edge(self) -> Edge {
        match self.0 as u8 & (RETURNED | MARKED) {
            0 => Edge::Entry,
            MARKED => Edge::Mark,
            _ => Edge::Return,
        }
    }

    /// Which hook, as its id.
    pub const fn hook(self) -> u8 {
        self.0 as u8 & !(RETURNED | MARKED)
    }
}

const _: () = assert!(crate::hook::HOOK_IDS <= DmaMapping::CODE as usize & !(MARKED as usize), "ids of hooks and codes meet");

/// A teardown that ended in the operation that requested it, behind the event of the return of `gnttab_unmap_refs`: it began at that
/// function's entry. It takes the place of three events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TeardownInside {
    /// 0, or a negative errno.
    pub ret: i32,
    /// The map. Of its grants `pages` were unmapped.
    pub map: MapInfo,
}

impl TeardownInside {
    /// The code of the first word, where an event would have that of a hook: no hook has this id.
    const CODE: u8 = MARKED | 63;
    /// Words that it takes.
    pub const WORDS: usize = 3;

    /// As it travels.
    #[inline(always)]
    pub const fn words(self) -> [Event; Self::WORDS] {
        let known = (self.map.domid_known != 0) as u64;
        let facts = self.map.pages as u64 | (self.map.buffer as u64) << 32 | known << 40 | (self.map.domid as u64) << 48;
        [Event::new(Self::CODE, self.ret as u32 as u64), Event(self.map.generation_ns), Event(facts)]
    }

    /// What the first words are, if it is one.
    pub fn read(words: &[Event]) -> Option<Self> {
        let &[first, generation, facts, ..] = words else { return None };
        // Checked first: most words are something else.
        if first.code_of() != Self::CODE {
            return None;
        }
        Some(Self {
            ret: first.offset_ns() as u32 as i32,
            map: MapInfo {
                generation_ns: generation.0,
                pages: facts.0 as u32,
                buffer: (facts.0 >> 32) as u8,
                domid_known: (facts.0 >> 40) as u8,
                domid: (facts.0 >> 48) as u16,
            },
        })
    }
}

/// A buffer was mapped for a device: behind the event of the return of `dma_map_sgtable`, or, where that is not watched, behind all events of
/// an `attachment_map`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DmaMapping {
    /// Entries of its scatter list; `None`: not known.
    pub entries: Option<u32>,
    /// Bytes of those entries that went by way of a bounce buffer, or were to. At the most what 32 bits hold.
    pub bounced_bytes: u64,
}

impl DmaMapping {
    /// Where an event would have the code of a hook: no hook has this id.
    const CODE: u8 = MARKED | 61;
    const ENTRIES_SHIFT: u32 = 32;
    const UNKNOWN_ENTRIES: u32 = (1 << 24) - 1;

    /// As it travels.
    #[inline(always)]
    pub const fn word(self) -> Event {
        let entries = match self.entries {
            Some(entries) if entries < Self::UNKNOWN_ENTRIES => entries,
            _ => Self::UNKNOWN_ENTRIES,
        };
        let bytes = if self.bounced_bytes > u32::MAX as u64 { u32::MAX as u64 } else { self.bounced_bytes };
        Event::new(Self::CODE, (entries as u64) << Self::ENTRIES_SHIFT | bytes)
    }

    /// What the word is, if it is one.
    pub fn read(word: Event) -> Option<Self> {
        if word.code_of() != Self::CODE {
            return None;
        }
        let value = word.offset_ns();
        let entries = Some((value >> Self::ENTRIES_SHIFT) as u32).filter(|&entries| entries != Self::UNKNOWN_ENTRIES);
        Some(Self { entries, bounced_bytes: value & u32::MAX as u64 })
    }
}

/// Of an operation that is sounded: how long the program ran that the event before it comes from, or, where there is none, the program
/// that began the operation. Behind everything else that this program has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sounding {
    /// When the program's own work began, in ns from the operation's start; at the most what 32 bits hold.
    pub offset_ns: u64,
    /// How long it took; at the most what 24 bits hold.
    pub duration_ns: u64,
}

impl Sounding {
    /// Where an event would have the code of a hook: no hook has this id.
    const CODE: u8 = MARKED | 62;
    const OFFSET_BITS: u32 = 32;

    /// As it travels.
    #[inline(always)]
    pub const fn word(self) -> Event {
        let offset = self.offset_ns & ((1 << Self::OFFSET_BITS) - 1);
        Event::new(Self::CODE, self.duration_ns << Self::OFFSET_BITS | offset)
    }

    /// How long the program worked before this event of its own, and how long from then on, in ns.
    pub const fn around(self, event: Event) -> (i64, i64) {
        let before = event.offset_ns() as i64 - self.offset_ns as i64;
        (before, self.duration_ns as i64 - before)
    }

    /// What the word is, if it is one.
    pub fn read(word: Event) -> Option<Self> {
        if word.code_of() != Self::CODE {
            return None;
        }
        let value = word.offset_ns();
        Some(Self { offset_ns: value & ((1 << Self::OFFSET_BITS) - 1), duration_ns: value >> Self::OFFSET_BITS })
    }
}

/// How many references of an operation got a grant status other than okay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct GrantStatus {
    /// References. The probes also write entries of 0 references: readers leave them out.
    pub count: u32,
    /// Xen's `GNTST_*`.
    pub status: i16,
    /// Always 0.
    pub reserved: u16,
}

/// One operation. Only the first `head.event_count` events travel, and right behind them `head.status_count` grant statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct OpRecord {
    /// Who and what.
    pub head: OpHeader,
    /// The hooks that it passed.
    pub events: [Event; MAX_EVENTS],
    /// Room behind the events: were there as many as fit, the statuses would be here.
    pub statuses: [GrantStatus; MAX_STATUSES],
}

/// Bytes of the header on the wire.
pub const HEADER_BYTES: usize = 72;
/// Bytes of one event on the wire.
pub const EVENT_BYTES: usize = 8;
/// Bytes of one grant status on the wire.
pub const STATUS_BYTES: usize = 8;

const _: () = assert!(size_of::<OpHeader>() == HEADER_BYTES);
const _: () = assert!(size_of::<Event>() == EVENT_BYTES);
const _: () = assert!(size_of::<GrantStatus>() == STATUS_BYTES);
const _: () = assert!(size_of::<OpRecord>() == HEADER_BYTES + MAX_EVENTS * EVENT_BYTES + MAX_STATUSES * STATUS_BYTES);
const _: () = assert!(offset_of!(OpHeader, comm) == 32);
const _: () = assert!(offset_of!(OpHeader, flags) == 61);
const _: () = assert!(offset_of!(OpHeader, pages) == 48 && offset_of!(OpHeader, op) == 58 && offset_of!(OpHeader, caller) == 64);
