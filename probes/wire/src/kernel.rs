//! The one table of what the probes want to know of the running kernel: where members of its structures lie, where some of its
//! functions lie, and a few facts.
//!
//! The collector finds it out, and fills it in before it loads the probes: one static of the type [`Kernel`], so that it cannot forget
//! any of it. Source of the structures: Linux v6.12, drivers/xen/{gntdev-common.h,gntdev-dmabuf.c}, include/xen/grant_table.h,
//! include/linux/{mm_types,fs,dma-buf,scatterlist,sched,page-flags}.h.

/// What the programs that read a member need of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// They do not read it.
    Unread,
    /// They cannot work without it.
    Required,
    /// They cannot work without it where the structure is known at all. Where it is not, the kernel was built without what it belongs
    /// to, and nothing leads to it.
    WithStructure,
    /// They work without it, and know that they do.
    Optional,
}

/// A member of a structure, or the number of a name in an enum.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The structure or enum.
    pub structure: &'static str,
    /// The member, or the path of one in a structure within; or the name in the enum.
    pub member: &'static str,
    /// Both, for people.
    pub path: &'static str,
    /// What the hooks need it for.
    pub hooks: Need,
    /// What the census needs it for.
    pub census: Need,
}

/// Added to a kernel address it gives none, so that no read succeeds; and no structure is that large.
const ABSENT: u64 = 1 << 55;

/// Where a member lies in its structure, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Offset(u64);

/// The same of a member that not every kernel has or describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct OptionalOffset(u64);

impl Offset {
    /// `None`: the kernel has nothing of the kind.
    pub const fn new(bytes: Option<u32>) -> Self {
        Self(bytes_or_absent(bytes))
    }

    /// Where the member of this structure lies. Always there: like [`OptionalOffset::at`].
    #[inline(always)]
    pub const fn at(self, structure: u64) -> Option<u64> {
        Some(structure.wrapping_add(self.0))
    }
}

impl OptionalOffset {
    /// `None`: the kernel does not have or describe it.
    pub const fn new(bytes: Option<u32>) -> Self {
        Self(bytes_or_absent(bytes))
    }

    /// In bytes, or the number that an enum has under the name.
    #[inline(always)]
    pub const fn get(self) -> Option<u64> {
        if self.0 == ABSENT { None } else { Some(self.0) }
    }

    /// Where the member of this structure lies.
    #[inline(always)]
    pub const fn at(self, structure: u64) -> Option<u64> {
        match self.get() {
            Some(offset) => Some(structure.wrapping_add(offset)),
            None => None,
        }
    }
}

const fn bytes_or_absent(bytes: Option<u32>) -> u64 {
    match bytes {
        Some(bytes) => bytes as u64,
        None => ABSENT,
    }
}

/// A member is optional to the compiler where it is to any program.
macro_rules! offset_type {
    (Optional $census:ident) => {
        OptionalOffset
    };
    ($hooks:ident Optional) => {
        OptionalOffset
    };
    ($hooks:ident $census:ident) => {
        Offset
    };
}

macro_rules! members {
    ($($name:ident: $structure:literal, $member:literal, $hooks:ident, $census:ident;)+) => {
        /// Where the members lie.
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        pub struct Members {
            $(#[doc = concat!("`", $structure, ".", $member, "`")] pub $name: offset_type!($hooks $census),)+
        }

        /// All members, in the order of [`Members`].
        pub const MEMBERS: &[Member] = &[$(Member {
            structure: $structure,
            member: $member,
            path: concat!($structure, ".", $member),
            hooks: Need::$hooks,
            census: Need::$census,
        },)+];

        impl Members {
            /// What the probes are compiled with.
            const UNFILLED: Self = Self { $($name: <offset_type!($hooks $census)>::new(None),)+ };

            /// Looks each of them up.
            pub fn find(mut offset: impl FnMut(&'static Member) -> Option<u32>) -> Self {
                let mut members = MEMBERS.iter();
                let mut next = || members.next().and_then(&mut offset);
                // In the order in which they are written, which is that of the table.
                Self { $($name: <offset_type!($hooks $census)>::new(next()),)+ }
            }
        }
    };
}

// Structure, member, what the hooks need, what the census needs. What is optional to the hooks may be a module's: its types are
// described elsewhere, if at all.
members! {
    vma_private_data: "vm_area_struct", "vm_private_data", Required, Required;
    vma_start: "vm_area_struct", "vm_start", Required, Unread;
    vma_end: "vm_area_struct", "vm_end", Required, Unread;
    vma_flags: "vm_area_struct", "vm_flags", Required, Unread;
    vma_pgoff: "vm_area_struct", "vm_pgoff", Required, Unread;
    vma_file: "vm_area_struct", "vm_file", Unread, Required;
    file_private_data: "file", "private_data", Required, Required;
    file_operations: "file", "f_op", Unread, Required;
    operations_ioctl: "file_operations", "unlocked_ioctl", Unread, Required;
    unmap_data: "gntab_unmap_queue_data", "data", Required, Unread;
    unmap_ops: "gntab_unmap_queue_data", "unmap_ops", Required, Unread;
    unmap_count: "gntab_unmap_queue_data", "count", Required, Unread;
    priv_maps: "gntdev_priv", "maps", Unread, Required;
    map_next: "gntdev_grant_map", "next", Optional, Required;
    map_index: "gntdev_grant_map", "index", Optional, Unread;
    map_count: "gntdev_grant_map", "count", Optional, Required;
    map_flags: "gntdev_grant_map", "flags", Unread, Required;
    map_in_use: "gntdev_grant_map", "in_use", Unread, Optional;
    map_grants: "gntdev_grant_map", "grants", Unread, Required;
    map_dma_flags: "gntdev_grant_map", "dma_flags", Unread, Optional;
    map_ops: "gntdev_grant_map", "map_ops", Optional, Optional;
    map_pages: "gntdev_grant_map", "pages", Optional, Optional;
    attachment_dmabuf: "dma_buf_attachment", "dmabuf", WithStructure, Unread;
    dmabuf_size: "dma_buf", "size", Optional, Unread;
    dmabuf_ops: "dma_buf", "ops", Unread, WithStructure;
    dmabuf_private: "dma_buf", "priv", Unread, WithStructure;
    dmabuf_ops_release: "dma_buf_ops", "release", Unread, WithStructure;
    exported_map: "gntdev_dmabuf", "u.exp.map", Unread, WithStructure;
    sg_table_entries: "sg_table", "orig_nents", Optional, Unread;
    page_private: "page", "private", Optional, Unread;
    page_foreign: "pageflags", "PG_foreign", Optional, Unread;
    task_tgid: "task_struct", "tgid", Unread, Required;
    task_leader: "task_struct", "group_leader", Unread, Required;
    task_comm: "task_struct", "comm", Optional, Required;
    preempt_count: "task_struct", "thread_info.preempt_count", Optional, Unread;
}

/// All that the probes have to know of the kernel.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Kernel {
    /// Where members of its structures lie.
    pub members: Members,
    /// The grant table's functions (drivers/xen/grant-table.c) lie together: the start of the first. 0: not known.
    pub grant_table_start: u64,
    /// The end of the last.
    pub grant_table_end: u64,
    /// Where a processor's own preemption count lies, from the start of what is its own. Only where a task has none.
    pub preempt_count_in_processor: u64,
    /// The array that says where that starts. 0: interrupts are counted as threads, unless a task has a preemption count.
    pub processor_offsets: u64,
    /// The address of `gntdev_ioctl`, by which an open gntdev is known; [`Kernel::NO_ADDRESS`]: there is none.
    pub gntdev_ioctl: u64,
    /// That of `dma_buf_ioctl`, likewise of a dma-buf.
    pub dma_buf_ioctl: u64,
    /// That of `dmabuf_exp_ops_release`, likewise of one that gntdev exported.
    pub dmabuf_exp_ops_release: u64,
    /// Bits of an address within a page.
    pub page_shift: u64,
    /// Not 0: this is a PV domain.
    pub pv_domain: u64,
}

impl Kernel {
    /// An address that nothing has.
    pub const NO_ADDRESS: u64 = u64::MAX;

    /// What the probes are compiled with: nothing can be read with it.
    pub const UNFILLED: Self = Self {
        members: Members::UNFILLED,
        grant_table_start: 0,
        grant_table_end: 0,
        preempt_count_in_processor: 0,
        processor_offsets: 0,
        gntdev_ioctl: Self::NO_ADDRESS,
        dma_buf_ioctl: Self::NO_ADDRESS,
        dmabuf_exp_ops_release: Self::NO_ADDRESS,
        page_shift: 0,
        pv_domain: 0,
    };

    /// Its bytes, as the probes keep them.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: plain old data without padding, as asserted below, borrowed for as long as the slice.
        unsafe { core::slice::from_raw_parts((&raw const *self).cast(), size_of::<Self>()) }
    }
}

const _: () = assert!(size_of::<Members>() == 8 * MEMBERS.len());
const _: () = assert!(size_of::<Kernel>() == size_of::<Members>() + 9 * 8);
