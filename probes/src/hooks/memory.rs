//! Memory: allocating and freeing the pages that back the grants, and trading frames with Xen. Stages only.
//!
//! Source: drivers/xen/grant-table.c, drivers/xen/mem-reservation.c, mm/{memory,cma,vmalloc}.c, kernel/dma/{direct,remap}.c,
//! arch/arm64/mm/dma-mapping.c, Linux v6.12.

use grantscope_wire::Allocator;
use grantscope_wire::hook::rows::{CmaAlloc, GnttabAllocPages, GnttabDmaAllocPages};

use crate::call::{Return, Returned};
use crate::op::evidence::{DMA_ALLOC_FAILED, PAGE_ALLOC_FAILED};
use crate::op::task::{self, Task};

hook!(GnttabAllocPages, task::enter, on_gnttab_alloc_pages_return);
hook!(GnttabDmaAllocPages, task::enter, on_gnttab_dma_alloc_pages_return);
hook!(CmaAlloc, task::enter, on_cma_alloc_return);

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
    /// `void arch_dma_prep_coherent(struct page *page, size_t size)`
    ArchDmaPrepCoherent;
    /// `void *dma_common_contiguous_remap(struct page *page, size_t size, pgprot_t prot, const void *caller)`
    DmaCommonContiguousRemap;
    /// `void vunmap(const void *addr)`
    Vunmap;
    /// `bool cma_release(struct cma *cma, const struct page *pages, unsigned long count)`
    CmaRelease;
}

/// `int gnttab_alloc_pages(int nr_pages, struct page **pages)`
#[inline(always)]
fn on_gnttab_alloc_pages_return(call: &Return<GnttabAllocPages, impl Returned>) {
    note_failure(task::leave(call), call.int(), PAGE_ALLOC_FAILED);
}

/// `int gnttab_dma_alloc_pages(struct gnttab_dma_alloc_args *args)`
#[inline(always)]
fn on_gnttab_dma_alloc_pages_return(call: &Return<GnttabDmaAllocPages, impl Returned>) {
    let ret = call.int();
    let task = task::leave(call);
    if let Some(task) = task {
        match ret {
            // Who asked CMA and got nothing has asked the buddy allocator then (`__dma_direct_alloc_pages`).
            0 if task.head().allocator == 0 => task.head_mut().set_allocator(Allocator::Buddy),
            0 => {}
            _ => task.evidence.add(DMA_ALLOC_FAILED),
        }
    }
}

/// `struct page *cma_alloc(struct cma *cma, unsigned long count, unsigned int align, bool no_warn)`
#[inline(always)]
fn on_cma_alloc_return(call: &Return<CmaAlloc, impl Returned>) {
    let page = call.pointer();
    if let Some(task) = task::leave(call)
        && page != 0
    {
        task.head_mut().set_allocator(Allocator::Cma);
    }
}

#[inline(always)]
fn note_failure(task: Option<&mut Task>, ret: i32, fact: u32) {
    if ret != 0
        && let Some(task) = task
    {
        task.evidence.add(fact);
    }
}
