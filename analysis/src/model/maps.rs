//! Live mappings: what a recording says of each.

use grantscope_wire::{Allocator, Buffer};

/// Bytes that one grant reference grants, whatever the kernel's page size.
pub const GRANT_BYTES: u64 = 4096;
/// A mapping that is alive: from its allocation until the kernel frees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveMap {
    /// Its number in this recording. Never used again, also where the kernel uses its address again.
    pub id: u64,
    /// Monotonic time of its allocation; `None`: before the tool.
    pub allocated_ns: Option<u64>,
    /// The process that allocated it; of a map from before the tool, the first that was found to hold it. `None`: not known.
    pub owner: Option<u32>,
    /// That process's name.
    pub comm: String,
    /// The domain that granted its first reference; `None`: not known.
    pub domid: Option<u16>,
    /// What backs it; `None`: not known.
    pub buffer: Option<Buffer>,
    /// Grant references.
    pub pages: u32,
    /// How far it has come.
    pub state: MapState,
    /// When its owner was found to be gone; `None`: it was there when last looked for, or is not known.
    pub owner_gone_ns: Option<u64>,
    /// Its holders, as far as the census saw; empty if none was taken.
    pub holders: Vec<Holder>,
    /// How its pages lie in memory; `None`: its grants are not mapped, or it is not known.
    pub frames: Option<Frames>,
    /// Where the memory of its DMA buffer is from; `None`: it has none, or it is not known.
    pub allocator: Option<Allocator>,
}

/// How the pages of a mapping lie in memory, in the order of its grants. A page has a number in Linux, its page frame number (pfn), and the
/// granted page behind it one in the machine, its bus frame number (bfn), by which devices find it (include/xen/arm/page.h, Linux v6.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frames {
    /// Runs of pages with consecutive page frame numbers: as many entries a scatter list of them has.
    pub pfn_runs: u32,
    /// Runs of granted pages with consecutive bus frame numbers, of 4 KiB each.
    pub bfn_runs: u32,
    /// Of the runs in Linux those that are no run in the machine.
    pub split_runs: u32,
    /// Pages of the longest of those.
    pub longest_split_pages: u32,
    /// Pages whose bus frame number is their guest frame number (gfn); `None`: not known, as of a PV domain.
    pub same_pages: Option<u32>,
}

impl Frames {
    /// Whether a mapping of so many pages can be like that.
    pub fn are_of(&self, pages: u32) -> bool {
        let Self { pfn_runs, bfn_runs, split_runs, longest_split_pages, same_pages } = *self;
        let most = [pfn_runs, bfn_runs, longest_split_pages, same_pages.unwrap_or_default()].into_iter().max();
        split_runs <= pfn_runs && most <= Some(pages)
    }
}

/// How far a mapping has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapState {
    /// Pages stand ready; no grant is mapped.
    Allocated,
    /// A process has it in its memory.
    Mapped,
    /// It is a dma-buf.
    Exported,
    /// No process has it mapped any more, and it was not released.
    Unmapped,
    /// Its release was asked for, and a page of it is still in use.
    TearingDown {
        /// When it was asked for.
        since_ns: u64,
        /// By which operation: the id of an `Op`; 0: none that is known.
        by: u8,
    },
}

impl MapState {
    /// The name in files and on screens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allocated => "allocated",
            Self::Mapped => "mapped",
            Self::Exported => "exported",
            Self::Unmapped => "unmapped",
            Self::TearingDown { .. } => "tearing_down",
        }
    }
}

/// A process that holds a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Process.
    pub tgid: u32,
    /// Its name.
    pub comm: String,
    /// By what.
    pub by: HeldBy,
}

/// By what a process holds a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldBy {
    /// It has the gntdev file open that the map belongs to.
    Descriptor,
    /// It has it in its memory.
    Memory,
    /// It has the dma-buf open.
    DmaBuf,
}

impl HeldBy {
    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Descriptor => "descriptor",
            Self::Memory => "memory",
            Self::DmaBuf => "dma_buf",
        }
    }
}

/// What changed since the report before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MapsReport {
    /// Monotonic time of the look.
    pub at_ns: u64,
    /// Mappings that are new, or of which something else is known now.
    pub changed: Vec<LiveMap>,
    /// Numbers of those that are gone.
    pub gone: Vec<u64>,
    /// Why maps from before the tool could not be listed; `None`: they were.
    pub no_census: Option<String>,
    /// Whether the guest frames of this domain's own memory are machine frames; `None`: not known.
    pub direct_mapped: Option<bool>,
}

impl LiveMap {
    /// Bytes that the other domain granted.
    pub fn granted_bytes(&self) -> u64 {
        u64::from(self.pages) * GRANT_BYTES
    }

    /// Bytes of this kernel's address space that it takes: a page for each reference.
    pub fn spanned_bytes(&self, page_size: u32) -> u64 {
        u64::from(self.pages) * u64::from(page_size)
    }

    /// How long it has been alive; `None`: it is older than the tool.
    pub fn age_ns(&self, now_ns: u64) -> Option<u64> {
        self.allocated_ns.map(|allocated| now_ns.saturating_sub(allocated))
    }

    /// Whether a process was found to have its gntdev file open; `None`: not checked.
    pub fn descriptor_is_open(&self) -> Option<bool> {
        (!self.holders.is_empty()).then(|| self.holders.iter().any(|holder| holder.by == HeldBy::Descriptor))
    }
}
