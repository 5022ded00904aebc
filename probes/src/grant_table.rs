//! The grant table: the hypercalls, and what Linux does around them. Stages only; who asked is known from outside.
//!
//! Source: drivers/xen/grant-table.c, arch/arm/xen/p2m.c, Linux v6.12. `HYPERVISOR_grant_table_op` cannot be probed
//! (it is assembly on arm64 and noinstr on x86); the boundary to the p2m update, entered right after it, stands for its return.

use aya_ebpf::macros::fentry;
use aya_ebpf::programs::FEntryContext;
use grantscope_wire::{HookId, Stage};

use crate::task;

stage_hooks! {
    /// `int gnttab_map_refs(map_ops, kmap_ops, pages, unsigned int count)`
    "gnttab_map_refs", gnttab_map_refs_entry, gnttab_map_refs_exit, GnttabMapRefs, MapHypercall;
    /// `int gnttab_unmap_refs(unmap_ops, kunmap_ops, pages, unsigned int count)`
    "gnttab_unmap_refs", gnttab_unmap_refs_entry, gnttab_unmap_refs_exit, GnttabUnmapRefs, UnmapHypercall;
    /// `void gnttab_batch_copy(struct gnttab_copy *batch, unsigned int count)`
    "gnttab_batch_copy", gnttab_batch_copy_entry, gnttab_batch_copy_exit, GnttabBatchCopy, GrantCopy;
}

/// `int set_foreign_p2m_mapping(map_ops, kmap_ops, pages, unsigned int count)`: the last thing that gnttab_map_refs does.
#[fentry(function = "set_foreign_p2m_mapping")]
fn set_foreign_p2m_mapping_entry(_ctx: FEntryContext) -> i32 {
    p2m_update_inside(HookId::GnttabMapRefs);
    0
}

/// `int clear_foreign_p2m_mapping(unmap_ops, kunmap_ops, pages, unsigned int count)`: the last thing that gnttab_unmap_refs does.
#[fentry(function = "clear_foreign_p2m_mapping")]
fn clear_foreign_p2m_mapping_entry(_ctx: FEntryContext) -> i32 {
    p2m_update_inside(HookId::GnttabUnmapRefs);
    0
}

#[inline(always)]
fn p2m_update_inside(hook: HookId) {
    if let Some(task) = task::busy().filter(|task| task.is_inside(hook)) {
        task.switch(Stage::P2mUpdate);
    }
}

/// `int gnttab_alloc_grant_references(u16 count, grant_ref_t *head)`: an import begins to grant.
#[fentry(function = "gnttab_alloc_grant_references")]
fn gnttab_alloc_grant_references_entry(_ctx: FEntryContext) -> i32 {
    if let Some(task) = task::busy().filter(|task| task.is_inside(HookId::GntdevIoctl)) {
        task.switch(Stage::GrantAccess);
    }
    0
}
