//! Operations: what a user asked the kernel for. And the kinds of buffer they are about.

named_ids! {
    /// What was asked of the kernel. One record is written for each.
    pub enum Op {
        Map = 1, "map", "ioctl MAP_GRANT_REF on gntdev: allocates the pages that will stand for the grants";
        Mmap = 2, "mmap", "mmap(2) of gntdev: the hypercall that maps the grants, and the page table of the process";
        Munmap = 3, "munmap", "munmap(2) of a gntdev mapping, the whole system call";
        Unmap = 4, "unmap", "ioctl UNMAP_GRANT_REF on gntdev: unmaps and frees, unless something still holds the mapping";
        Export = 5, "export", "ioctl DMABUF_EXP_FROM_REFS on gntdev: allocates, maps and exports as a dma-buf";
        Release = 6, "release", "the last close of a dma-buf that gntdev exported";
        Attach = 7, "attach", "an importer attaches to a dma-buf that gntdev exported";
        Detach = 8, "detach", "an importer detaches from a dma-buf that gntdev exported";
        Import = 9, "import", "ioctl DMABUF_IMP_TO_REFS on gntdev: attaches to a dma-buf and grants its pages";
        ImportRelease = 10, "import_release", "ioctl DMABUF_IMP_RELEASE on gntdev: revokes those grants and detaches";
        WaitReleased = 11, "wait_released", "ioctl DMABUF_EXP_WAIT_RELEASED on gntdev";
        Copy = 12, "copy", "ioctl GRANT_COPY on gntdev";
        Grant = 13, "grant", "ioctl ALLOC_GREF on gntalloc: allocates pages and grants them";
        Ungrant = 14, "ungrant", "ioctl DEALLOC_GREF on gntalloc";
        Close = 15, "close", "the last close of an open gntdev, with all maps that it still held";
        AttachmentMap = 16, "attachment_map", "an importer asks for the DMA addresses of a dma-buf that gntdev exported";
        AttachmentUnmap = 17, "attachment_unmap", "an importer gives those addresses back";
        Teardown = 18, "teardown", "the grants behind a map really go, at once or long after the call that asked for it returned";
        MapRefs = 19, "map_refs", "an in-kernel user maps grants (gnttab_map_refs outside of all operations above)";
        UnmapRefs = 20, "unmap_refs", "an in-kernel user's grants are unmapped (gnttab_unmap_refs outside of all operations above)";
        BatchMap = 21, "batch_map", "an in-kernel user maps grants without pages of its own (gnttab_batch_map)";
        BatchCopy = 22, "batch_copy", "an in-kernel user has Xen copy (gnttab_batch_copy outside of all operations above)";
    }
}

named_ids! {
    /// What backs the mapping.
    pub enum Buffer {
        Pages = 1, "pages", "ordinary pages";
        Wc = 2, "wc", "a write-combining DMA buffer (GNTDEV_DMA_FLAG_WC)";
        Coherent = 3, "coherent", "a coherent DMA buffer (GNTDEV_DMA_FLAG_COHERENT)";
        Foreign = 4, "foreign", "a dma-buf that another driver exported";
    }
}

impl Op {
    /// Whether a function of the kernel begins it, and no call from user space: then it is told who called.
    pub const fn is_of_kernel_users(self) -> bool {
        matches!(self, Self::MapRefs | Self::UnmapRefs | Self::BatchMap | Self::BatchCopy)
    }

    /// The hook at whose return the operation's record is written: losses there are losses of this operation.
    pub const fn reported_by(self) -> crate::HookId {
        use crate::HookId;
        match self {
            Self::Map | Self::Unmap | Self::Export | Self::Import | Self::ImportRelease | Self::WaitReleased | Self::Copy => {
                HookId::GntdevIoctl
            }
            Self::Mmap => HookId::GntdevMmap,
            Self::Munmap => HookId::SysMunmap,
            Self::Release => HookId::DmabufExpOpsRelease,
            Self::Attach => HookId::DmaBufDynamicAttach,
            Self::Detach => HookId::DmaBufDetach,
            Self::AttachmentMap => HookId::DmaBufMapAttachment,
            Self::AttachmentUnmap => HookId::DmaBufUnmapAttachment,
            Self::Grant | Self::Ungrant => HookId::GntallocIoctl,
            Self::Close => HookId::GntdevRelease,
            Self::Teardown => HookId::UnmapGrantPagesDone,
            Self::MapRefs => HookId::GnttabMapRefs,
            Self::UnmapRefs => HookId::GnttabUnmapRefs,
            Self::BatchMap => HookId::GnttabBatchMap,
            Self::BatchCopy => HookId::GnttabBatchCopy,
        }
    }
}
