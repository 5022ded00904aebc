//! Memory: allocating and freeing what stands for the grants, and trading frames with Xen. Stages only.
//!
//! Source: drivers/xen/grant-table.c, drivers/xen/mem-reservation.c, mm/memory.c, Linux v6.12.

stage_hooks! {
    /// `int gnttab_alloc_pages(int nr_pages, struct page **pages)`
    gnttab_alloc_pages, GnttabAllocPages, PageAlloc;
    /// `void gnttab_free_pages(int nr_pages, struct page **pages)`
    gnttab_free_pages, GnttabFreePages, PageFree;
    /// `int gnttab_dma_alloc_pages(struct gnttab_dma_alloc_args *args)`
    gnttab_dma_alloc_pages, GnttabDmaAllocPages, DmaAlloc;
    /// `int gnttab_dma_free_pages(struct gnttab_dma_alloc_args *args)`
    gnttab_dma_free_pages, GnttabDmaFreePages, DmaFree;
    /// `int xenmem_reservation_decrease(int count, xen_pfn_t *frames)`
    xenmem_reservation_decrease, XenmemReservationDecrease, BalloonOut;
    /// `int xenmem_reservation_increase(int count, xen_pfn_t *frames)`
    xenmem_reservation_increase, XenmemReservationIncrease, BalloonIn;
    /// `int vm_map_pages_zero(struct vm_area_struct *vma, struct page **pages, unsigned long num)`
    vm_map_pages_zero, VmMapPagesZero, VmaInsert;
}
