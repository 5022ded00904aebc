//! Memory: allocating and freeing what stands for the grants, and trading frames with Xen. Stages only.
//!
//! Source: drivers/xen/grant-table.c, drivers/xen/mem-reservation.c, mm/memory.c, Linux v6.12.

use grantscope_wire::{HookId, Stage};

use crate::evidence::{DMA_ALLOC_FAILED, PAGE_ALLOC_FAILED};
use crate::hook::Returned;
use crate::task;

hook!(gnttab_alloc_pages, |_: &_| task::enter(HookId::GnttabAllocPages, Stage::PageAlloc), pages_are_allocated);
hook!(gnttab_dma_alloc_pages, |_: &_| task::enter(HookId::GnttabDmaAllocPages, Stage::DmaAlloc), dma_pages_are_allocated);

stage_hooks! {
    /// `void gnttab_free_pages(int nr_pages, struct page **pages)`
    gnttab_free_pages, GnttabFreePages, PageFree;
    /// `int gnttab_dma_free_pages(struct gnttab_dma_alloc_args *args)`
    gnttab_dma_free_pages, GnttabDmaFreePages, DmaFree;
    /// `int xenmem_reservation_decrease(int count, xen_pfn_t *frames)`
    xenmem_reservation_decrease, XenmemReservationDecrease, BalloonOut;
    /// `int xenmem_reservation_increase(int count, xen_pfn_t *frames)`
    xenmem_reservation_increase, XenmemReservationIncrease, BalloonIn;
    /// `int vm_map_pages_zero(struct vm_area_struct *vma, struct page **pages, unsigned long num)`
    vm_map_pages_zero, VmMapPagesZero, VmaInsert;
}

/// `int gnttab_alloc_pages(int nr_pages, struct page **pages)`
#[inline(always)]
fn pages_are_allocated(call: &impl Returned) {
    task::leave(HookId::GnttabAllocPages);
    note_failure(call.int(), PAGE_ALLOC_FAILED);
}

/// `int gnttab_dma_alloc_pages(struct gnttab_dma_alloc_args *args)`
#[inline(always)]
fn dma_pages_are_allocated(call: &impl Returned) {
    task::leave(HookId::GnttabDmaAllocPages);
    note_failure(call.int(), DMA_ALLOC_FAILED);
}

#[inline(always)]
fn note_failure(ret: i32, fact: u32) {
    if ret != 0
        && let Some(task) = task::busy()
    {
        task.evidence.add(fact);
    }
}
