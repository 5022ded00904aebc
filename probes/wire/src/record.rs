//! The record of one operation, as it travels through the ring buffer.

use core::mem::{offset_of, size_of};

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

/// Who asked for what, and how it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct OpHeader {
    /// Monotonic time at which the operation began.
    pub start_ns: u64,
    /// How long it took, the probes' own time included.
    pub duration_ns: u64,
    /// Tells maps apart that live at the same address one after the other: the time of allocation. 0: unknown.
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
    /// Of a teardown: the `Op` that asked for it. 0: none of ours, or not a teardown.
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
