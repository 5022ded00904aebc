//! The grant table: the hypercalls, and what Linux does around them. Stages only; who asked is known from outside.
//!
//! Source: drivers/xen/grant-table.c, arch/arm/xen/p2m.c, Linux v6.12. `HYPERVISOR_grant_table_op` cannot be probed
//! (it is assembly on arm64 and noinstr on x86); the boundary to the p2m update, entered right after it, stands for its return.

use grantscope_wire::{HookId, Stage};

use crate::hook::Entered;
use crate::task;

stage_hooks! {
    /// `int gnttab_map_refs(map_ops, kmap_ops, pages, unsigned int count)`
    gnttab_map_refs, GnttabMapRefs, MapHypercall;
    /// `int gnttab_unmap_refs(unmap_ops, kunmap_ops, pages, unsigned int count)`
    gnttab_unmap_refs, GnttabUnmapRefs, UnmapHypercall;
    /// `void gnttab_batch_copy(struct gnttab_copy *batch, unsigned int count)`
    gnttab_batch_copy, GnttabBatchCopy, GrantCopy;
}

hook!(set_foreign_p2m_mapping, p2m_mapping_is_set);
hook!(clear_foreign_p2m_mapping, p2m_mapping_is_cleared);
hook!(gnttab_alloc_grant_references, grants_begin);

/// `int set_foreign_p2m_mapping(map_ops, kmap_ops, pages, unsigned int count)`: the last thing that gnttab_map_refs does.
#[inline(always)]
fn p2m_mapping_is_set(_: &impl Entered) {
    p2m_update_inside(HookId::GnttabMapRefs);
}

/// `int clear_foreign_p2m_mapping(unmap_ops, kunmap_ops, pages, unsigned int count)`: the last thing that gnttab_unmap_refs does.
#[inline(always)]
fn p2m_mapping_is_cleared(_: &impl Entered) {
    p2m_update_inside(HookId::GnttabUnmapRefs);
}

#[inline(always)]
fn p2m_update_inside(hook: HookId) {
    if let Some(task) = task::busy().filter(|task| task.is_inside(hook)) {
        task.switch(Stage::P2mUpdate);
    }
}

/// `int gnttab_alloc_grant_references(u16 count, grant_ref_t *head)`: an import begins to grant.
#[inline(always)]
fn grants_begin(_: &impl Entered) {
    if let Some(task) = task::busy().filter(|task| task.is_inside(HookId::GntdevIoctl)) {
        task.switch(Stage::GrantAccess);
    }
}
