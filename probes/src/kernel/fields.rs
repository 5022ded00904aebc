//! Reading kernel structures and user arguments: offsets come from the running kernel's BTF, set by the collector before loading.

use aya_ebpf::helpers::{bpf_probe_read_kernel, bpf_probe_read_user};

/// Declares an offset that the collector fills in. Read volatile: the compiler must not believe the zero it sees here.
macro_rules! offsets {
    ($($static:ident, $read:ident, $about:literal;)+) => {
        $(
            #[unsafe(no_mangle)]
            static $static: u32 = 0;

            #[doc = $about]
            pub fn $read(structure: u64) -> Option<u64> {
                // SAFETY: a plain static; volatile because the loader rewrites it.
                let offset = unsafe { core::ptr::read_volatile(&raw const $static) };
                kernel_u64(structure + u64::from(offset))
            }
        )+
    };
}

offsets! {
    OFFSET_VMA_PRIVATE_DATA, vma_private_data, "`vm_area_struct.vm_private_data`";
    OFFSET_VMA_START, vma_start, "`vm_area_struct.vm_start`";
    OFFSET_VMA_END, vma_end, "`vm_area_struct.vm_end`";
    OFFSET_UNMAP_DATA, unmap_data, "`gntab_unmap_queue_data.data`";
    OFFSET_ATTACHMENT_DMABUF, attachment_dmabuf, "`dma_buf_attachment.dmabuf`";
    OFFSET_UNMAP_OPS, unmap_ops, "`gntab_unmap_queue_data.unmap_ops`";
    OFFSET_UNMAP_COUNT, unmap_count_and_age, "`gntab_unmap_queue_data.count`, and `age` behind it";
    OFFSET_VMA_FLAGS, vma_flags, "`vm_area_struct.vm_flags`";
    OFFSET_VMA_PGOFF, vma_pgoff, "`vm_area_struct.vm_pgoff`";
    OFFSET_FILE_PRIVATE_DATA, file_private_data, "`file.private_data`";
}

/// As above, of what not every kernel describes: a module's types, and what was left out of a build. Then nothing can be read.
const NOT_DESCRIBED: u32 = u32::MAX;

macro_rules! optional_offsets {
    ($($static:ident, $read:ident, $about:literal;)+) => {
        $(
            #[unsafe(no_mangle)]
            static $static: u32 = NOT_DESCRIBED;

            #[doc = $about]
            pub fn $read(structure: u64) -> Option<u64> {
                kernel_u64(structure + optional(&raw const $static)?)
            }
        )+
    };
}

optional_offsets! {
    OFFSET_MAP_NEXT, map_next, "`gntdev_grant_map.next.next`";
    OFFSET_MAP_INDEX, map_index, "`gntdev_grant_map.index`, in the lower half";
    OFFSET_MAP_COUNT, map_count, "`gntdev_grant_map.count`, in the lower half";
    OFFSET_DMABUF_SIZE, dmabuf_size, "`dma_buf.size`";
    OFFSET_PAGE_PRIVATE, page_private, "`page.private`";
}

/// Bit of `PageForeign` in `page.flags`.
#[unsafe(no_mangle)]
static PG_FOREIGN: u32 = NOT_DESCRIBED;

/// Whether this is a PV domain.
#[unsafe(no_mangle)]
static PV_DOMAIN: u32 = 0;

pub fn is_pv_domain() -> bool {
    // SAFETY: a plain static; volatile because the loader rewrites it.
    unsafe { core::ptr::read_volatile(&raw const PV_DOMAIN) != 0 }
}

#[inline(always)]
fn optional(described: *const u32) -> Option<u64> {
    // SAFETY: a plain static of this file; volatile because the loader rewrites it.
    let value = unsafe { core::ptr::read_volatile(described) };
    (value != NOT_DESCRIBED).then_some(u64::from(value))
}

/// Where a map's `next` lies, for who has made sure that this is described.
pub fn offset_of_map_next() -> u32 {
    optional(&raw const OFFSET_MAP_NEXT).unwrap_or(0) as u32
}

/// Where a map's `count` lies, likewise.
pub fn offset_of_map_count() -> u32 {
    optional(&raw const OFFSET_MAP_COUNT).unwrap_or(0) as u32
}

/// The map whose member `next` lies here (`container_of`).
pub fn map_of_next(next: u64) -> Option<u64> {
    Some(next - optional(&raw const OFFSET_MAP_NEXT)?)
}

/// Domain and reference of the grant that a page stands for, if Linux has noted one (`struct xen_page_foreign` in
/// include/xen/grant_table.h, v6.12; `page.flags` is the first member).
pub fn foreign_page(page: u64) -> Option<(u32, u32)> {
    let flags = word64(page)?;
    if flags >> (optional(&raw const PG_FOREIGN)? & 63) & 1 == 0 {
        return None;
    }
    let noted = page_private(page)?;
    Some((noted as u32 & 0xffff, (noted >> 32) as u32))
}

/// Bits of an address within a page.
pub fn page_shift() -> u32 {
    // SAFETY: a plain static; volatile because the loader rewrites it.
    unsafe { core::ptr::read_volatile(&raw const PAGE_SHIFT) & 31 }
}

pub fn word(address: u64) -> Option<u32> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(address as *const u32) }.ok()
}

pub fn word64(address: u64) -> Option<u64> {
    kernel_u64(address)
}

/// A 64-bit word of an ioctl's argument; see `user_u32`.
pub fn user_u64(argument: u64, offset: u64) -> Option<u64> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_user((argument + offset) as *const u64) }.ok()
}

/// How many grants an unmap request is about.
pub fn unmap_count(item: u64) -> Option<u32> {
    unmap_count_and_age(item).map(|both| both as u32)
}

#[unsafe(no_mangle)]
static PAGE_SHIFT: u32 = 12;

/// Pages that a mapping spans.
pub fn vma_pages(vma: u64) -> Option<u32> {
    // SAFETY: a plain static; volatile because the loader rewrites it.
    let shift = unsafe { core::ptr::read_volatile(&raw const PAGE_SHIFT) };
    let bytes = vma_end(vma)?.wrapping_sub(vma_start(vma)?);
    Some((bytes >> (shift & 31)) as u32)
}

/// A 32-bit word of an ioctl's argument. Read when the ioctl returns: then the kernel itself has just touched that memory.
pub fn user_u32(argument: u64, offset: u64) -> Option<u32> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_user((argument + offset) as *const u32) }.ok()
}

/// The domain of the first of some maps (`gnttab_map_grant_ref.dom`, include/xen/interface/grant_table.h, v6.12: Xen's ABI).
pub fn map_domid(map_ops: u64) -> Option<u16> {
    const DOM: u64 = 16;
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel((map_ops + DOM) as *const u16) }.ok()
}

fn kernel_u64(address: u64) -> Option<u64> {
    // SAFETY: the helper checks the address.
    unsafe { bpf_probe_read_kernel(address as *const u64) }.ok()
}

/// The errno in a pointer that a kernel function returned (`include/linux/err.h`, v6.12), else 0.
pub fn pointer_error(pointer: u64) -> i32 {
    const MAX_ERRNO: u64 = 4095;
    if pointer > u64::MAX - MAX_ERRNO { pointer as i32 } else { 0 }
}
