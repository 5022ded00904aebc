//! What is alive: maps from their allocation to their end, and the teardowns that are under way.
//!
//! The probes keep these in hash maps; the collector reads them on its own clock. The keys are kernel addresses, which never
//! leave the collector: a recording names a map by a number of its own.

use core::mem::size_of;

/// What is known of a map, by all who meet it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct MapInfo {
    /// Time of its allocation: distinguishes it from an earlier one at the same address. 0: older than the probes.
    pub generation_ns: u64,
    /// Grant references.
    pub pages: u32,
    /// `Buffer`, 0: unknown.
    pub buffer: u8,
    /// Not 0: `domid` is known.
    pub domid_known: u8,
    /// The domain that granted its first reference.
    pub domid: u16,
}

impl MapInfo {
    /// Of one that is older than the probes.
    pub const UNKNOWN: Self = Self { generation_ns: 0, pages: 0, buffer: 0, domid_known: 0, domid: 0 };

    /// The domain that granted its first reference; `None`: not known.
    pub const fn domid(&self) -> Option<u16> {
        if self.domid_known != 0 { Some(self.domid) } else { None }
    }

    /// From now on it is known who granted it.
    pub const fn set_domid(&mut self, domid: u16) {
        self.domid = domid;
        self.domid_known = 1;
    }
}

/// Its grants were mapped at some time: it is more than allocated.
pub const LIVE_GRANTS_MAPPED: u8 = 1 << 1;
/// It was exported as a dma-buf.
pub const LIVE_EXPORTED: u8 = 1 << 2;
/// The collector found it when it began, and its owner is who was found to hold it.
pub const LIVE_FOUND: u8 = 1 << 3;

/// A map that is alive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct LiveMap {
    /// Generation, pages, buffer kind, domain.
    pub info: MapInfo,
    /// Name of the thread that allocated it, padded with zeros.
    pub comm: [u8; 16],
    /// VMAs that show it.
    pub vmas: u64,
    /// The process that allocated it. 0: not known.
    pub tgid: u32,
    /// `LIVE_GRANTS_MAPPED` and its like.
    pub flags: u8,
    /// `Allocator` of its DMA buffer. 0: it has none, or that is not known.
    pub allocator: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

/// A teardown that is under way: requested, and not yet done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct PendingTeardown {
    /// When it was requested.
    pub start_ns: u64,
    /// The last attempt.
    pub attempt_ns: u64,
    /// The map, as far as it is known, and how many of its grants this is about.
    pub info: MapInfo,
    /// Address of the map.
    pub map: u64,
    /// Who requested it, as `bpf_get_current_pid_tgid` gives it.
    pub ids: u64,
    /// Name of the thread that requested it.
    pub comm: [u8; 16],
    /// Attempts after the first.
    pub retries: u16,
    /// The `Op` that requested it; 0: none of ours.
    pub started_by: u8,
    /// Zero.
    pub reserved: [u8; 5],
}

/// How a process holds a map that was found without having been seen from its beginning.
pub const HELD_BY_DESCRIPTOR: u32 = 1;
/// It has mapped it into its memory.
pub const HELD_BY_VMA: u32 = 2;
/// It has the dma-buf open that the map was exported as.
pub const HELD_BY_DMABUF: u32 = 3;

/// A process that holds a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct FoundHolder {
    /// The process.
    pub tgid: u32,
    /// `HELD_BY_DESCRIPTOR` or its like.
    pub by: u32,
    /// Name of its first thread.
    pub comm: [u8; 16],
}

/// Holders of one map that are reported by name.
pub const MAX_HOLDERS: usize = 4;

/// A map that was found by looking through all processes' files and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct FoundMap {
    /// Address of the dma-buf that it was exported as; 0: none was found.
    pub dmabuf: u64,
    /// `gntdev_grant_map.count`.
    pub pages: u32,
    /// `ioctl_gntdev_grant_ref.domid` of its first reference.
    pub domid: u32,
    /// `gntdev_grant_map.flags`: 0 until its grants are mapped.
    pub flags: u32,
    /// `gntdev_grant_map.in_use`: not 0 once a process has mapped it.
    pub in_use: u32,
    /// `gntdev_grant_map.dma_flags`.
    pub dma_flags: u32,
    /// VMAs that show it.
    pub vmas: u32,
    /// Processes that hold it, each once for every way of holding; only the first `MAX_HOLDERS` are reported.
    pub holders: u32,
    /// Zero.
    pub reserved: u32,
    /// Who.
    pub holder: [FoundHolder; MAX_HOLDERS],
}

/// Grants of a map whose frames are read at once.
pub const GRANTS_AT_ONCE: usize = 64;

/// `struct gnttab_map_grant_ref` (include/xen/interface/grant_table.h, Linux v6.12: Xen's ABI).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct GrantMapping {
    /// Where the page is mapped: its guest physical address in a domain whose addresses Xen translates; something else in a PV domain.
    pub host_addr: u64,
    /// How.
    pub flags: u32,
    /// The grant reference.
    pub reference: u32,
    /// Who granted it.
    pub domid: u16,
    /// What Xen answered: 0, if it was mapped.
    pub status: i16,
    /// By what it is unmapped.
    pub handle: u32,
    /// The machine address of the granted page.
    pub dev_bus_addr: u64,
}

/// Where some grants of a map lie, as gntdev keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct GrantFrames {
    /// `gntdev_grant_map.map_ops`, from one of them on.
    pub mappings: [GrantMapping; GRANTS_AT_ONCE],
    /// `gntdev_grant_map.pages`, from the same on: addresses of `struct page`.
    pub pages: [u64; GRANTS_AT_ONCE],
    /// How many of both were read. 0: none could be.
    pub count: u64,
}

const _: () = assert!(size_of::<GrantMapping>() == 32);
const _: () = assert!(size_of::<GrantFrames>() == GRANTS_AT_ONCE * 40 + 8);
const _: () = assert!(size_of::<MapInfo>() == 16);
const _: () = assert!(size_of::<LiveMap>() == 48);
const _: () = assert!(size_of::<PendingTeardown>() == 72);
const _: () = assert!(size_of::<FoundHolder>() == 24);
const _: () = assert!(size_of::<FoundMap>() == 40 + MAX_HOLDERS * 24);
