//! The grant table: the hypercalls, and what Linux does around them. Stages only; who asked is known from outside.
//!
//! Source: drivers/xen/grant-table.c, arch/arm/xen/p2m.c, Linux v6.12. `HYPERVISOR_grant_table_op` cannot be probed
//! (it is assembly on arm64 and noinstr on x86); the boundary to the p2m update, entered right after it, stands for its return.

use aya_ebpf::macros::{fentry, fexit};
use aya_ebpf::programs::{FEntryContext, FExitContext};
use grantscope_wire::{HookId, Stage};

use crate::task;

/// `int gnttab_map_refs(map_ops, kmap_ops, pages, unsigned int count)`
#[fentry(function = "gnttab_map_refs")]
fn gnttab_map_refs_entry(_ctx: FEntryContext) -> i32 {
    task::enter(HookId::GnttabMapRefs, Stage::MapHypercall);
    0
}

#[fexit(function = "gnttab_map_refs")]
fn gnttab_map_refs_exit(_ctx: FExitContext) -> i32 {
    task::leave(HookId::GnttabMapRefs);
    0
}

/// `int set_foreign_p2m_mapping(map_ops, kmap_ops, pages, unsigned int count)`: the last thing that gnttab_map_refs does.
#[fentry(function = "set_foreign_p2m_mapping")]
fn set_foreign_p2m_mapping_entry(_ctx: FEntryContext) -> i32 {
    p2m_update_inside(HookId::GnttabMapRefs);
    0
}

/// `int gnttab_unmap_refs(unmap_ops, kunmap_ops, pages, unsigned int count)`
#[fentry(function = "gnttab_unmap_refs")]
fn gnttab_unmap_refs_entry(_ctx: FEntryContext) -> i32 {
    task::enter(HookId::GnttabUnmapRefs, Stage::UnmapHypercall);
    0
}

#[fexit(function = "gnttab_unmap_refs")]
fn gnttab_unmap_refs_exit(_ctx: FExitContext) -> i32 {
    task::leave(HookId::GnttabUnmapRefs);
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

/// `void gnttab_batch_copy(struct gnttab_copy *batch, unsigned int count)`
#[fentry(function = "gnttab_batch_copy")]
fn gnttab_batch_copy_entry(_ctx: FEntryContext) -> i32 {
    task::enter(HookId::GnttabBatchCopy, Stage::GrantCopy);
    0
}

#[fexit(function = "gnttab_batch_copy")]
fn gnttab_batch_copy_exit(_ctx: FExitContext) -> i32 {
    task::leave(HookId::GnttabBatchCopy);
    0
}
