//! Where the pages of a map lie: the collector asks for it, map by map.
//!
//! Nothing is counted here, so the program is as short for 65,536 grants as for one. A map may be freed while it is read: the helpers
//! survive any address, and the collector looks afterwards whether the map was still there.
//!
//! Source: drivers/xen/gntdev-common.h, Linux v6.12.

use core::ffi::c_void;

use aya_ebpf::helpers::generated::bpf_probe_read_kernel as read_raw;
use aya_ebpf::macros::{map, raw_tracepoint};
use aya_ebpf::maps::Array;
use aya_ebpf::programs::RawTracePointContext;
use grantscope_wire::live::{GRANTS_AT_ONCE, GrantFrames, GrantMapping};

use super::table::BPF_F_MMAPABLE;
use crate::kernel::fields;

/// What was read last.
#[map]
static FRAMES: Array<GrantFrames> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Reads some grants of a map. The collector runs it, with two arguments: the address of the map, and the first grant.
#[raw_tracepoint]
fn frames_of_map(ctx: RawTracePointContext) -> i32 {
    let Some(frames) = FRAMES.get_ptr_mut(0) else { return 0 };
    // SAFETY: the collector runs one of these at a time, and reads what it has left when it is done.
    let frames = unsafe { &mut *frames };
    frames.count = read(ctx.arg(0), ctx.arg(1), frames).unwrap_or(0);
    0
}

/// How many were read; `None`: there are none from `first` on, or they cannot be read.
#[inline(always)]
fn read(map: u64, first: u64, frames: &mut GrantFrames) -> Option<u64> {
    let (mappings, pages) = (fields::map_ops(map)?, fields::map_pages(map)?);
    let count = u64::from(fields::map_count(map)?).checked_sub(first)?.min(GRANTS_AT_ONCE as u64);
    read_all(
        &raw mut frames.mappings,
        mappings + first * size_of::<GrantMapping>() as u64,
        count * size_of::<GrantMapping>() as u64,
    )?;
    read_all(&raw mut frames.pages, pages + first * size_of::<u64>() as u64, count * size_of::<u64>() as u64)?;
    Some(count)
}

/// So many bytes from an address of the kernel on.
#[inline(always)]
fn read_all<T>(to: *mut T, from: u64, bytes: u64) -> Option<()> {
    if bytes > size_of::<T>() as u64 {
        return None;
    }
    // SAFETY: there is room for as many, and the helper checks where they are from.
    let read = unsafe { read_raw(to.cast::<c_void>(), bytes as u32, from as *const c_void) };
    (read == 0).then_some(())
}
