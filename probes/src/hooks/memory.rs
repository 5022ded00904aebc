//! Memory: allocating and freeing the pages that back the grants, and trading frames with Xen. Stages only.
//!
//! Source: drivers/xen/grant-table.c, drivers/xen/mem-reservation.c, mm/memory.c, Linux v6.12.

use grantscope_wire::hook::rows::{GnttabAllocPages, GnttabDmaAllocPages};

use crate::call::{Return, Returned};
use crate::op::evidence::{DMA_ALLOC_FAILED, PAGE_ALLOC_FAILED};
use crate::op::task::{self, Task};

hook!(GnttabAllocPages, task::enter, on_gnttab_alloc_pages_return);
hook!(GnttabDmaAllocPages, task::enter, on_gnttab_dma_alloc_pages_return);

stage_hooks! {
    /// `void gnttab_free_pages(int nr_pages, struct page **pages)`
    GnttabFreePages;
    /// `int gnttab_dma_free_pages(struct gnttab_dma_alloc_args *args)`
    GnttabDmaFreePages;
    /// `int xenmem_reservation_decrease(int count, xen_pfn_t *frames)`
    XenmemReservationDecrease;
    /// `int xenmem_reservation_increase(int count, xen_pfn_t *frames)`
    XenmemReservationIncrease;
    /// `int vm_map_pages_zero(struct vm_area_struct *vma, struct page **pages, unsigned long num)`
    VmMapPagesZero;
}

/// `int gnttab_alloc_pages(int nr_pages, struct page **pages)`
#[inline(always)]
fn on_gnttab_alloc_pages_return(call: &Return<GnttabAllocPages, impl Returned>) {
    note_failure(task::leave(call), call.int(), PAGE_ALLOC_FAILED);
}

/// `int gnttab_dma_alloc_pages(struct gnttab_dma_alloc_args *args)`
#[inline(always)]
fn on_gnttab_dma_alloc_pages_return(call: &Return<GnttabDmaAllocPages, impl Returned>) {
    note_failure(task::leave(call), call.int(), DMA_ALLOC_FAILED);
}

#[inline(always)]
fn note_failure(task: Option<&mut Task>, ret: i32, fact: u32) {
    if ret != 0
        && let Some(task) = task
    {
        task.evidence.add(fact);
    }
}
