//! The record of one operation, as it travels through the ring buffer.

use core::mem::{offset_of, size_of};

use crate::{Buffer, Cause, MapInfo};

/// Stages a record has room for. Every stage id fits, so nothing has to be dropped.
pub const MAX_STAGES: usize = 32;

const _: () = assert!(crate::stage::STAGE_IDS <= MAX_STAGES);

/// Distinct grant statuses a record has room for: Xen has 14 (include/xen/interface/grant_table.h, v6.12).
pub const MAX_STATUSES: usize = 16;

/// `OpHeader::pages` is known.
pub const PAGES_KNOWN: u8 = 1;
/// `OpHeader::domid` is known.
pub const DOMID_KNOWN: u8 = 1 << 1;
/// The stack overflowed or a return was unmatched: stages may be charged to the one around them.
pub const STAGES_INCOMPLETE: u8 = 1 << 2;
/// Which grant statuses the references got could not be read.
pub const STATUSES_UNREAD: u8 = 1 << 3;

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
    /// How many entries of `OpRecord::stages` follow. In [1, MAX_STAGES].
    pub stage_count: u8,
    /// `PAGES_KNOWN` and its like.
    pub flags: u8,
    /// Of a teardown: the `Op` that requested it. 0: none of ours, or not a teardown.
    pub started_by: u8,
    /// `Cause`: what the errno hides. 0: nothing, or not known.
    pub cause: u8,
    /// Where an in-kernel user called from: a return address, relative to the start of the grant table's own functions.
    /// 0: not known, or a call from user space. Kernel and modules lie within 2 GiB: branches between them could not reach further.
    pub caller: i32,
    /// How many `GrantStatus` follow the stages.
    pub status_count: u8,
    /// Always 0 today.
    pub reserved: [u8; 3],
}

impl OpHeader {
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

/// Time spent in one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct StageTime {
    /// Time in the stage itself, without the stages inside it, summed over all its calls.
    pub self_ns: u64,
    /// When it was first entered, counted from the operation's start; stops at `u32::MAX`.
    pub first_offset_ns: u32,
    /// How often it was entered; stops at `u16::MAX`.
    pub calls: u16,
    /// `Stage`.
    pub stage: u8,
    /// Always 0.
    pub reserved: u8,
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

/// One operation. Only the first `head.stage_count` stages travel, and right behind them `head.status_count` grant statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct OpRecord {
    /// Who and what.
    pub head: OpHeader,
    /// Where the time went.
    pub stages: [StageTime; MAX_STAGES],
    /// Room behind the stages: were there as many as fit, the statuses would be here.
    pub statuses: [GrantStatus; MAX_STATUSES],
}

/// Bytes of the header on the wire.
pub const HEADER_BYTES: usize = 72;
/// Bytes of one stage on the wire.
pub const STAGE_BYTES: usize = 16;
/// Bytes of one grant status on the wire.
pub const STATUS_BYTES: usize = 8;

const _: () = assert!(size_of::<OpHeader>() == HEADER_BYTES);
const _: () = assert!(size_of::<StageTime>() == STAGE_BYTES);
const _: () = assert!(size_of::<GrantStatus>() == STATUS_BYTES);
const _: () = assert!(size_of::<OpRecord>() == HEADER_BYTES + MAX_STAGES * STAGE_BYTES + MAX_STATUSES * STATUS_BYTES);
const _: () = assert!(offset_of!(OpHeader, comm) == 32);
const _: () = assert!(offset_of!(OpHeader, flags) == 61);
