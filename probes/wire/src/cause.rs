//! Causes: why an operation failed, if its errno has several possible causes.
//!
//! Source of the reasons and of the order in which the kernel checks them: Linux v6.12,
//! drivers/xen/{gntdev,gntdev-dmabuf,gntalloc,grant-table}.c.

named_ids! {
    /// Why an operation failed.
    pub enum Cause {
        GrantsRefused = 1, "grants_refused", "Xen refused at least one grant reference: its grant status says why";
        P2mFailed = 2, "p2m_failed", "Xen mapped the grants, but Linux had no memory to note the frame behind one, and gave that one back";
        HypercallFailed = 3, "hypercall_failed", "Xen refused the hypercall as a whole, without checking any grant reference";
        CountZero = 4, "count_zero", "a count of 0";
        OverLimit = 5, "over_limit", "more than the limit that is a parameter of the driver";
        BothDmaFlags = 6, "both_dma_flags", "both DMA flags were given: a buffer is write-combining or coherent";
        PvRefusesDmabuf = 7, "pv_refuses_dmabuf", "this is a PV domain: gntdev exports no dma-bufs there";
        NoDmabufSupport = 8, "no_dmabuf_support", "the kernel's gntdev was built without dma-bufs (CONFIG_XEN_GNTDEV_DMABUF)";
        ArgumentUnreadable = 9, "argument_unreadable", "the argument, or the references that it ends in, could not be read from user space";
        ResultUnwritable = 10, "result_unwritable", "all was done, but the answer could not be written to user space";
        BookkeepingAllocFailed = 11, "bookkeeping_alloc_failed", "no memory for the structures and arrays that describe the request";
        PageAllocFailed = 12, "page_alloc_failed", "no pages to back the grants: gnttab_alloc_pages failed";
        DmaAllocFailed = 13, "dma_alloc_failed", "no DMA buffer: gnttab_dma_alloc_pages failed";
        HalfBuiltDmaMap = 14, "half_built_dma_map", "no DMA buffer: gnttab_dma_alloc_pages failed, and the map that had its frame array already was freed like one of ordinary pages";
        AllocationFailed = 15, "allocation_failed", "no memory, for the pages or for what describes them";
        DmabufAllocFailed = 16, "dmabuf_alloc_failed", "the grants were mapped, but no memory was left for the dma-buf around them or for its file";
        VmaInsertFailed = 17, "vma_insert_failed", "the grants were mapped, but their pages could not be put into the page table of the process";
        PrivateWritable = 18, "private_writable", "a mapping that can be written has to be shared";
        NoSuchMap = 19, "no_such_map", "no map of this open gntdev begins at that offset";
        WrongLength = 20, "wrong_length", "the map at that offset has another number of pages";
        AlreadyMapped = 21, "already_mapped", "the map was mmapped before: that is possible once in its life";
        BadDescriptor = 22, "bad_descriptor", "no file is open under that descriptor";
        NotADmabuf = 23, "not_a_dmabuf", "the descriptor is not a dma-buf's";
        AttachFailed = 24, "attach_failed", "attaching to the dma-buf failed";
        AttachmentMapFailed = 25, "attachment_map_failed", "mapping the attachment failed";
        WrongSize = 26, "wrong_size", "the dma-buf has another size than the count says: found after it was attached and mapped";
        NotPageAligned = 27, "not_page_aligned", "the dma-buf does not begin at the beginning of a page";
        GrantTableFull = 28, "grant_table_full", "no free grant reference, and the grant table could not grow";
        NoSuchBuffer = 29, "no_such_buffer", "this open gntdev has no buffer under that descriptor: it never had, or the buffer is released";
        StillHeld = 30, "still_held", "the buffer was not released in time: a holder still has it open";
        BadSegment = 31, "bad_segment", "a segment copies from own memory to own memory, or leaves its granted page";
        SegmentUnreachable = 32, "segment_unreachable", "the segments, or the memory that one of them names, could not be reached";
        NoSuchGrants = 33, "no_such_grants", "this open gntalloc has no grants at that index, or fewer than requested";
        DeviceMapRefused = 34, "device_map_refused", "with every export on x86, gntdev asks for a mapping for devices (GNTMAP_device_map), which Xen refuses to a translated domain (PVH, HVM) for every reference";
        BounceTooLarge = 35, "bounce_too_large", "an entry of the scatter list has to be copied for the device, and is larger than swiotlb copies at once (256 KiB)";
        BounceBufferFull = 36, "bounce_buffer_full", "an entry of the scatter list has to be copied for the device, and swiotlb gave no room: its buffer is full, too small, or out of the device's reach";
    }
}
