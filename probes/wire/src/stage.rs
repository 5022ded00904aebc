//! Stages: the parts of the kernel's work inside an operation. Their self times add up to its duration.

named_ids! {
    /// A part of the work inside an operation.
    pub enum Stage {
        Remainder = 1, "remainder", "the operation's own code between the stages";
        ArgumentCopy = 2, "argument_copy", "copying and checking the arguments that user space handed over";
        PageArrayAlloc = 3, "page_array_alloc", "allocating the arrays that describe a map (gntdev_alloc_map itself)";
        PageAlloc = 4, "page_alloc", "allocating ordinary pages (gnttab_alloc_pages itself)";
        DmaAlloc = 5, "dma_alloc", "allocating the DMA buffer: contiguous memory, cache maintenance, kernel mapping";
        BalloonOut = 6, "balloon_out", "giving the frames behind the pages back to Xen (xenmem_reservation_decrease)";
        BalloonIn = 7, "balloon_in", "asking Xen for frames again (xenmem_reservation_increase)";
        MapHypercall = 8, "map_hypercall", "Xen's map_grant_ref, all references in one call";
        UnmapHypercall = 9, "unmap_hypercall", "Xen's unmap_grant_ref";
        P2mUpdate = 10, "p2m_update", "recording in Linux which frame backs each page, or removing that record";
        VmaInsert = 11, "vma_insert", "putting the pages into the page table of the process";
        DmabufExport = 12, "dmabuf_export", "making the dma-buf and its file (dma_buf_export)";
        DmabufAttach = 13, "dmabuf_attach", "attaching an importer";
        AttachmentMap = 14, "attachment_map", "mapping an attachment for the importer's device";
        AttachmentUnmap = 15, "attachment_unmap", "unmapping an attachment";
        DmabufDetach = 16, "dmabuf_detach", "detaching an importer";
        GrantAccess = 17, "grant_access", "claiming references and granting the pages";
        GrantRevoke = 18, "grant_revoke", "ending foreign access, reference by reference";
        PageFree = 19, "page_free", "giving ordinary pages back (gnttab_free_pages)";
        DmaFree = 20, "dma_free", "freeing the DMA buffer (gnttab_dma_free_pages itself)";
        PageArrayFree = 21, "page_array_free", "freeing the arrays that describe a map (gntdev_free_map itself)";
        Wait = 22, "wait", "waiting for the buffer's release";
        GrantCopy = 23, "grant_copy", "Xen's grant copy";
        VmaClose = 24, "vma_close", "from gntdev_vma_close to the end of munmap";
        Deferred = 25, "deferred", "waiting until the pages are no longer in use: retries of gnttab_unmap_work";
        Unmapping = 26, "unmapping", "the unmapping itself: the hypercall, and removing the frames from Linux's records";
        LockWait = 27, "lock_wait", "waiting for a lock that another thread holds; gntdev has one per open file";
        EagainSleep = 28, "eagain_sleep", "sleeping until Xen has brought a grant's page back (grant status eagain)";
        DmaMap = 29, "dma_map", "finding DMA addresses for a device, entry by entry of the scatter list, and copying what has to be bounced (dma_map_sgtable)";
        CmaAlloc = 31, "cma_alloc", "asking the contiguous memory allocator (CMA) for the DMA buffer's pages";
        DmaPrep = 32, "dma_prep", "cleaning the DMA buffer out of the caches (arch_dma_prep_coherent)";
        DmaRemap = 33, "dma_remap", "mapping the DMA buffer for the kernel without caching (dma_common_contiguous_remap)";
        DmaUnremap = 34, "dma_unremap", "removing that mapping (vunmap)";
        CmaRelease = 35, "cma_release", "giving the DMA buffer's pages back to CMA, if they are its own";
    }
}

/// One more than the highest stage id.
pub const STAGE_IDS: usize = {
    let (mut highest, mut n) = (0, 0);
    while n < Stage::ALL.len() {
        let id = Stage::ALL[n].id() as usize;
        highest = if id > highest { id } else { highest };
        n += 1;
    }
    highest + 1
};
