//! The one table of hooks: which kernel function, how it is watched, what the probes read of it, what is missing without it.
//!
//! Source of the functions, their order and their prototypes: Linux v6.12, drivers/xen/{gntdev,gntdev-dmabuf,gntalloc,grant-table,
//! mem-reservation}.c, drivers/dma-buf/dma-buf.c, kernel/dma/{mapping,remap}.c,
//! arch/arm64/mm/dma-mapping.c, mm/{memory,mmap,cma,vmalloc}.c, include/trace/events/{lock,swiotlb}.h.

use self::Shape::{Int, Long, Pointer, Pointers, Unread};

/// What is watched: which of a function's ends, or a tracepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// Its entry: a boundary between two stages, or a look at its arguments.
    Entry,
    /// Entry and return: an operation, or a stage.
    Both,
    /// No function, but a place that the kernel's authors have named.
    Tracepoint,
}

/// How much is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Operations alone: their time, outcome and cause, and all mappings that are alive.
    Operations,
    /// And the stages inside them.
    #[default]
    Stages,
    /// And what others in the kernel would pay for: what allocating a DMA buffer is made of, what only sharpens a stage's edges.
    Full,
}

impl Detail {
    /// All, in the order of the help texts.
    pub const ALL: &'static [Self] = &[Self::Operations, Self::Stages, Self::Full];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operations => "operations",
            Self::Stages => "stages",
            Self::Full => "full",
        }
    }

    /// What it is, for the help text of an option.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Operations => "Operations alone: their time and outcome, and the mappings that are alive",
            Self::Stages => "Also where inside the kernel their time goes",
            Self::Full => {
                "Also what allocating a DMA buffer is made of, what only sharpens the edges of stages, and sleeps in the kernel"
            }
        }
    }
}

/// How much hangs on a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it nothing useful can be said.
    Required,
    /// Without it something is missing, and is named as missing.
    Optional,
}

/// What an argument or a returned value is, as far as it matters to a program that reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The probes do not read it.
    Unread,
    /// A pointer to this structure.
    Pointer(&'static str),
    /// A pointer to pointers to this structure.
    Pointers(&'static str),
    /// An `int` or `unsigned int`: 4 bytes.
    Int,
    /// A `long` or `unsigned long`: 8 bytes.
    Long,
}

impl Ends {
    /// What the names of the hook's programs end in, behind the stem: of all attach modes together.
    pub const fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Entry => &["entry", "kprobe"],
            Self::Both => &["entry", "exit", "kprobe", "kretprobe"],
            Self::Tracepoint => &["tracepoint"],
        }
    }
}

/// A kernel function, or a tracepoint, that is watched.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Its id in loss counters and recordings.
    pub id: HookId,
    /// Names to look for, first match wins: a function's name differs between architectures.
    pub symbols: &'static [&'static str],
    /// Which ends are watched.
    pub ends: Ends,
    /// From which detail on its entry is watched, or the tracepoint.
    pub entry_from: Detail,
    /// From which detail on its return is watched, if it is at all.
    pub return_from: Detail,
    /// Whether we can do without.
    pub need: Need,
    /// The leading arguments, as far as the probes read them. They can read no other.
    pub arguments: &'static [Shape],
    /// What it returns, if the probes read it.
    pub returns: Shape,
    /// What is missing from the results without it.
    pub without: &'static str,
}

impl Hook {
    /// The stem: names the hook on every screen, and its programs in `probes/` (`<stem>_entry`, `<stem>_exit`).
    pub const fn stem(&self) -> &'static str {
        self.id.name()
    }

    /// What the argument with this index is.
    pub const fn argument(&self, index: usize) -> Shape {
        if index < self.arguments.len() { self.arguments[index] } else { Unread }
    }

    /// Whether any of it is watched at this detail.
    pub const fn is_watched_at(&self, detail: Detail) -> bool {
        self.entry_is_watched_at(detail) || self.return_is_watched_at(detail)
    }

    /// Whether its entry is, or the tracepoint.
    pub const fn entry_is_watched_at(&self, detail: Detail) -> bool {
        self.entry_from as u8 <= detail as u8
    }

    /// Whether its return is.
    pub const fn return_is_watched_at(&self, detail: Detail) -> bool {
        matches!(self.ends, Ends::Both) && self.return_from as u8 <= detail as u8
    }

    /// Whether the probes read any argument, or what the function returns.
    pub const fn is_read(&self) -> bool {
        !self.arguments.is_empty() || !matches!(self.returns, Unread)
    }
}

/// A hook as a type: the programs of a hook name theirs, so that the compiler compares what they do with its row.
pub trait Row {
    /// The row of the table.
    const HOOK: Hook;
}

macro_rules! hooks {
    ($(
        $variant:ident = $id:literal, $stem:literal, $symbols:expr, $ends:ident($entry_from:ident $(, $return_from:ident)?), $need:ident,
        $arguments:expr => $returns:expr,
        $without:literal;
    )+ {
        $($retired:ident = $retired_id:literal, $retired_stem:literal, $retired_about:literal;)+
    }) => {
        named_ids! {
            /// Identifies a hook.
            pub enum HookId {
                $($variant = $id, $stem, $without;)+
                $($retired = $retired_id, $retired_stem, $retired_about;)+
            }
        }

        /// All hooks.
        pub const HOOKS: &[Hook] = &[$(rows::$variant::HOOK,)+];

        /// The rows of the table, each a type.
        pub mod rows {
            use super::*;

            $(
                #[doc = concat!("The hook `", $stem, "`.")]
                pub enum $variant {}

                impl Row for $variant {
                    const HOOK: Hook = Hook {
                        id: HookId::$variant,
                        symbols: $symbols,
                        ends: Ends::$ends,
                        entry_from: Detail::$entry_from,
                        // Of one that is not watched: as the entry's.
                        return_from: [$(Detail::$return_from,)? Detail::$entry_from][0],
                        need: Need::$need,
                        arguments: $arguments,
                        returns: $returns,
                        without: $without,
                    };
                }
            )+
        }
    };
}

// Behind the symbols: which ends are watched, and from which detail on. Behind that: the arguments that the probes read => what they read of what is returned. A tracepoint's arguments are those of
// its `TP_PROTO`.
hooks! {
    GntdevIoctl = 1, "gntdev_ioctl", &["gntdev_ioctl"], Both(Operations, Operations), Required,
        &[Pointer("file"), Int, Long] => Long,
        "all operations that are ioctls on gntdev";
    GntdevMmap = 2, "gntdev_mmap", &["gntdev_mmap"], Both(Operations, Operations), Required,
        &[Pointer("file"), Pointer("vm_area_struct")] => Int,
        "the operation mmap";
    SysMunmap = 3, "sys_munmap", &["__arm64_sys_munmap", "__x64_sys_munmap"], Both(Operations, Operations), Optional,
        &[] => Long,
        "the operation munmap";
    GntdevVmaClose = 4, "gntdev_vma_close", &["gntdev_vma_close"], Entry(Operations), Optional,
        &[Pointer("vm_area_struct")] => Unread,
        "the operation munmap: nothing distinguishes a gntdev mapping from any other";
    GntdevRelease = 5, "gntdev_release", &["gntdev_release"], Both(Operations, Operations), Optional,
        &[] => Int,
        "the operation close";
    DmabufExpOpsRelease = 6, "dmabuf_exp_ops_release", &["dmabuf_exp_ops_release"], Both(Operations, Operations), Optional,
        &[Pointer("dma_buf")] => Unread,
        "the operation release";
    GntdevAllocMap = 7, "gntdev_alloc_map", &["gntdev_alloc_map"], Both(Stages, Operations), Required,
        &[Unread, Int, Int] => Pointer("gntdev_grant_map"),
        "the buffer kind of every operation after the map, and the stage page_array_alloc";
    GnttabAllocPages = 8, "gnttab_alloc_pages", &["gnttab_alloc_pages"], Both(Stages, Stages), Optional,
        &[] => Int,
        "the stage page_alloc (it becomes part of page_array_alloc), and which allocation failed";
    GnttabDmaAllocPages = 9, "gnttab_dma_alloc_pages", &["gnttab_dma_alloc_pages"], Both(Stages, Stages), Optional,
        &[] => Int,
        "the stage dma_alloc (it becomes part of page_array_alloc), and which allocation failed";
    XenmemReservationDecrease = 10, "xenmem_reservation_decrease", &["xenmem_reservation_decrease"], Both(Stages, Stages), Optional,
        &[] => Unread,
        "the stage balloon_out (it becomes part of the allocation)";
    XenmemReservationIncrease = 11, "xenmem_reservation_increase", &["xenmem_reservation_increase"], Both(Stages, Stages), Optional,
        &[] => Unread,
        "the stage balloon_in (it becomes part of dma_free)";
    GntdevAddMap = 12, "gntdev_add_map", &["gntdev_add_map"], Entry(Full), Optional,
        &[] => Unread,
        "the end of argument_copy in a map (the references that it copies are counted with its remainder)";
    GnttabMapRefs = 14, "gnttab_map_refs", &["gnttab_map_refs"], Both(Operations, Operations), Optional,
        &[Pointer("gnttab_map_grant_ref"), Unread, Pointers("page"), Int] => Int,
        "the operation map_refs, and the stages map_hypercall and p2m_update (they become part of the remainder)";
    SetForeignP2mMapping = 15, "set_foreign_p2m_mapping", &["set_foreign_p2m_mapping"], Entry(Stages), Optional,
        &[] => Unread,
        "the boundary between map_hypercall and p2m_update (both are counted as map_hypercall)";
    VmMapPagesZero = 16, "vm_map_pages_zero", &["vm_map_pages_zero"], Both(Stages, Full), Optional,
        &[] => Unread,
        "the stage vma_insert (it becomes part of the remainder)";
    GnttabUnmapRefsAsync = 17, "gnttab_unmap_refs_async", &["gnttab_unmap_refs_async"], Entry(Operations), Optional,
        &[Pointer("gntab_unmap_queue_data")] => Unread,
        "the operation teardown, the buffer kind of an unmap that is deferred, and the caller of an unmap_refs that is";
    GnttabUnmapRefs = 18, "gnttab_unmap_refs", &["gnttab_unmap_refs"], Both(Operations, Operations), Optional,
        &[Pointer("gnttab_unmap_grant_ref"), Unread, Unread, Int] => Int,
        "the operations unmap_refs and teardown, and the stages unmap_hypercall and p2m_update of an unmap (they become part of the remainder)";
    ClearForeignP2mMapping = 19, "clear_foreign_p2m_mapping", &["clear_foreign_p2m_mapping"], Entry(Stages), Optional,
        &[] => Unread,
        "the boundary between unmap_hypercall and p2m_update (both are counted as unmap_hypercall)";
    GntdevFreeMap = 20, "gntdev_free_map", &["gntdev_free_map"], Both(Operations, Full), Optional,
        &[Pointer("gntdev_grant_map")] => Unread,
        "the stage page_array_free, and the end of a map's life: a reused address would join two maps";
    GnttabFreePages = 21, "gnttab_free_pages", &["gnttab_free_pages"], Both(Full, Stages), Optional,
        &[] => Unread,
        "the stage page_free (it becomes part of page_array_free)";
    GnttabDmaFreePages = 22, "gnttab_dma_free_pages", &["gnttab_dma_free_pages"], Both(Full, Stages), Optional,
        &[] => Unread,
        "the stage dma_free (it becomes part of page_array_free)";
    DmaBufExport = 23, "dma_buf_export", &["dma_buf_export"], Both(Stages, Operations), Optional,
        &[] => Pointer("dma_buf"),
        "the stage dmabuf_export, and the buffer kind of release, attach and import";
    DmaBufDynamicAttach = 24, "dma_buf_dynamic_attach", &["dma_buf_dynamic_attach"], Both(Operations, Operations), Optional,
        &[Pointer("dma_buf")] => Pointer("dma_buf_attachment"),
        "the operation attach and the stage dmabuf_attach";
    DmabufExpOpsAttach = 25, "dmabuf_exp_ops_attach", &["dmabuf_exp_ops_attach"], Entry(Operations), Optional,
        &[Pointer("dma_buf")] => Unread,
        "the operation attach: nothing distinguishes gntdev's dma-bufs from others";
    DmaBufMapAttachment = 26, "dma_buf_map_attachment", &["dma_buf_map_attachment"], Both(Operations, Operations), Optional,
        &[Pointer("dma_buf_attachment")] => Pointer("sg_table"),
        "the operation attachment_map, and the stage of that name (it becomes part of the remainder)";
    DmaBufUnmapAttachment = 27, "dma_buf_unmap_attachment", &["dma_buf_unmap_attachment"], Both(Operations, Operations), Optional,
        &[Pointer("dma_buf_attachment")] => Unread,
        "the operation attachment_unmap, and the stage of that name (it becomes part of grant_revoke)";
    DmaBufDetach = 28, "dma_buf_detach", &["dma_buf_detach"], Both(Operations, Operations), Optional,
        &[Pointer("dma_buf")] => Unread,
        "the operation detach and the stage dmabuf_detach";
    DmabufExpOpsDetach = 29, "dmabuf_exp_ops_detach", &["dmabuf_exp_ops_detach"], Entry(Operations), Optional,
        &[Pointer("dma_buf")] => Unread,
        "the operation detach: nothing distinguishes gntdev's dma-bufs from others";
    GnttabAllocGrantReferences = 30, "gnttab_alloc_grant_references", &["gnttab_alloc_grant_references"], Entry(Stages), Optional,
        &[] => Unread,
        "the stage grant_access (it becomes part of the remainder)";
    DmabufImpRelease = 31, "dmabuf_imp_release", &["dmabuf_imp_release"], Entry(Stages), Optional,
        &[] => Unread,
        "the stage grant_revoke (it becomes part of the remainder)";
    GntallocIoctl = 32, "gntalloc_ioctl", &["gntalloc_ioctl"], Both(Operations, Operations), Optional,
        &[Unread, Int, Long] => Long,
        "the operations grant and ungrant";
    GnttabBatchCopy = 33, "gnttab_batch_copy", &["gnttab_batch_copy"], Both(Operations, Operations), Optional,
        &[Pointer("gnttab_copy"), Int] => Unread,
        "the operation batch_copy, and the stage grant_copy (it becomes part of the remainder)";
    DmabufExpOpsMapDmaBuf = 34, "dmabuf_exp_ops_map_dma_buf", &["dmabuf_exp_ops_map_dma_buf"], Entry(Operations), Optional,
        &[Pointer("dma_buf_attachment")] => Unread,
        "the operation attachment_map: nothing distinguishes gntdev's dma-bufs from others";
    DmabufExpOpsUnmapDmaBuf = 35, "dmabuf_exp_ops_unmap_dma_buf", &["dmabuf_exp_ops_unmap_dma_buf"], Entry(Operations), Optional,
        &[Pointer("dma_buf_attachment")] => Unread,
        "the operation attachment_unmap: nothing distinguishes gntdev's dma-bufs from others";
    GnttabUnmapWork = 36, "gnttab_unmap_work", &["gnttab_unmap_work"], Entry(Operations), Optional,
        &[Pointer("work_struct")] => Unread,
        "how often a teardown was deferred, and its stage deferred";
    GnttabBatchMap = 38, "gnttab_batch_map", &["gnttab_batch_map"], Both(Operations, Operations), Optional,
        &[Pointer("gnttab_map_grant_ref"), Int] => Unread,
        "the operation batch_map";
    ContentionBegin = 39, "contention_begin", &["contention_begin"], Tracepoint(Stages), Optional,
        &[Pointer("void"), Int] => Unread,
        "the stage lock_wait (it becomes part of the stage that waits)";
    ContentionEnd = 40, "contention_end", &["contention_end"], Tracepoint(Stages), Optional,
        &[Pointer("void")] => Unread,
        "the end of the stage lock_wait (what follows is counted with it)";
    CmaAlloc = 41, "cma_alloc", &["cma_alloc"], Both(Full, Full), Optional,
        &[] => Pointer("page"),
        "the stage cma_alloc (it becomes part of dma_alloc), and whether CMA provided a DMA buffer";
    ArchDmaPrepCoherent = 42, "arch_dma_prep_coherent", &["arch_dma_prep_coherent"], Both(Full, Full), Optional,
        &[] => Unread,
        "the stage dma_prep (it becomes part of dma_alloc)";
    DmaCommonContiguousRemap = 43, "dma_common_contiguous_remap", &["dma_common_contiguous_remap"], Both(Full, Full), Optional,
        &[] => Unread,
        "the stage dma_remap (it becomes part of dma_alloc)";
    Vunmap = 44, "vunmap", &["vunmap"], Both(Full, Full), Optional,
        &[] => Unread,
        "the stage dma_unremap (it becomes part of dma_free)";
    CmaRelease = 45, "cma_release", &["cma_release"], Both(Full, Full), Optional,
        &[] => Unread,
        "the stage cma_release (it becomes part of dma_free)";
    DmaMapSgtable = 46, "dma_map_sgtable", &["dma_map_sgtable"], Both(Full, Full), Optional,
        &[Unread, Pointer("sg_table")] => Unread,
        "the stage dma_map (it becomes part of attachment_map), and what was mapped for a device in other operations than that";
    SwiotlbBounced = 47, "swiotlb_bounced", &["swiotlb_bounced"], Tracepoint(Stages), Optional,
        &[Unread, Unread, Long] => Unread,
        "how many entries of a buffer's scatter list are mapped by way of a bounce buffer, and the causes bounce_too_large and bounce_buffer_full";
    DmaBufGet = 48, "dma_buf_get", &["dma_buf_get"], Entry(Operations), Optional,
        &[] => Unread,
        "the causes over_limit and not_a_dmabuf of an import";
    GnttabExpand = 49, "gnttab_expand", &["gnttab_expand"], Entry(Operations), Optional,
        &[] => Unread,
        "the causes over_limit and grant_table_full of a grant";
    Msleep = 50, "msleep", &["msleep"], Both(Full, Full), Optional,
        &[] => Unread,
        "the stage eagain_sleep (it becomes part of map_hypercall or grant_copy)";
    GntdevVmaOpen = 56, "gntdev_vma_open", &["gntdev_vma_open"], Entry(Operations), Optional,
        &[Pointer("vm_area_struct")] => Unread,
        "in the ledger of live maps: whether a map that was forked or partly unmapped is still in a process";
    {
        // What earlier versions watched: recordings name them.
        GntdevMapGrantPages = 13, "gntdev_map_grant_pages", "watched by earlier versions only";
        UnmapGrantPagesDone = 37, "unmap_grant_pages_done", "watched by earlier versions only";
    }
}

/// One more than the highest id that a hook can have: those above are codes of what else stands in a log (`record.rs`).
pub const HOOK_IDS: usize = 61;

const _: () = {
    let mut n = 0;
    while n < HOOKS.len() {
        assert!((HOOKS[n].id.id() as usize) < HOOK_IDS);
        n += 1;
    }
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_that_the_row_does_not_have_is_unread() {
        let hook = rows::GnttabMapRefs::HOOK;
        assert_eq!(
            [0, 1, 2, 3, 4].map(|index| hook.argument(index)),
            [Pointer("gnttab_map_grant_ref"), Unread, Pointers("page"), Int, Unread]
        );
    }

    #[test]
    fn a_hook_is_read_where_an_argument_or_what_is_returned_is() {
        assert!(rows::GntdevVmaOpen::HOOK.is_read());
        assert!(rows::GntdevRelease::HOOK.is_read());
        assert!(!rows::GnttabExpand::HOOK.is_read());
    }

    #[test]
    fn only_arguments_up_to_the_last_that_is_read_stand_in_a_row() {
        assert!(HOOKS.iter().all(|hook| hook.arguments.last() != Some(&Unread)));
    }
}
