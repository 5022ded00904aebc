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
