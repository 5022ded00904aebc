//! Memory: allocating and freeing what stands for the grants, and trading frames with Xen. Stages only.
//!
//! Source: drivers/xen/grant-table.c, drivers/xen/mem-reservation.c, mm/memory.c, Linux v6.12.

use aya_ebpf::macros::{fentry, fexit};
use aya_ebpf::programs::{FEntryContext, FExitContext};
use grantscope_wire::{HookId, Stage};

use crate::task;

/// A function that is a stage from its entry to its return.
macro_rules! stages {
    ($($function:literal, $entry:ident, $exit:ident, $hook:ident, $stage:ident;)+) => {
        $(
            #[fentry(function = $function)]
            fn $entry(_ctx: FEntryContext) -> i32 {
                task::enter(HookId::$hook, Stage::$stage);
                0
            }

            #[fexit(function = $function)]
            fn $exit(_ctx: FExitContext) -> i32 {
                task::leave(HookId::$hook);
                0
            }
        )+
    };
}

stages! {
    "gnttab_alloc_pages", gnttab_alloc_pages_entry, gnttab_alloc_pages_exit, GnttabAllocPages, PageAlloc;
    "gnttab_free_pages", gnttab_free_pages_entry, gnttab_free_pages_exit, GnttabFreePages, PageFree;
    "gnttab_dma_alloc_pages", gnttab_dma_alloc_pages_entry, gnttab_dma_alloc_pages_exit, GnttabDmaAllocPages, DmaAlloc;
    "gnttab_dma_free_pages", gnttab_dma_free_pages_entry, gnttab_dma_free_pages_exit, GnttabDmaFreePages, DmaFree;
    "xenmem_reservation_decrease", xenmem_reservation_decrease_entry, xenmem_reservation_decrease_exit, XenmemReservationDecrease, BalloonOut;
    "xenmem_reservation_increase", xenmem_reservation_increase_entry, xenmem_reservation_increase_exit, XenmemReservationIncrease, BalloonIn;
    "vm_map_pages_zero", vm_map_pages_zero_entry, vm_map_pages_zero_exit, VmMapPagesZero, VmaInsert;
}
