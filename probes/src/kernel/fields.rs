//! Reading kernel structures and user arguments.

use aya_ebpf::helpers::{bpf_probe_read_kernel, bpf_probe_read_user};

use super::page_shift;

/// Declares readers of members of `wire/src/kernel.rs`, and the type of each. In `at`: where the members lie, for programs that can read
/// them without a helper (`Call::load`).
macro_rules! readers {
    ($($member:ident: $type:ty;)+) => {
        $(
            #[inline(always)]
            pub fn $member(structure: u64) -> Option<$type> {
                read(filled_in!(members.$member).at(structure)?)
            }
        )+
    };
}

/// Where members lie.
pub mod at {
    use core::marker::PhantomData;

    /// The address of something; `None`: this kernel does not have it.
    pub struct Place<T>(pub Option<u64>, PhantomData<T>);

    macro_rules! places {
        ($($member:ident: $type:ty;)+) => {
            $(
                #[inline(always)]
                pub fn $member(structure: u64) -> Place<$type> {
                    Place(filled_in!(members.$member).at(structure), PhantomData)
                }
            )+
        };
    }

    places! {
        vma_private_data: u64;
        unmap_data: u64;
        unmap_ops: u64;
        unmap_count: u32;
    }
}

readers! {
    unmap_ops: u64;
    vma_private_data: u64;
    vma_start: u64;
    vma_end: u64;
    vma_flags: u64;
    vma_pgoff: u64;
    vma_file: u64;
    file_private_data: u64;
    file_operations: u64;
    operations_ioctl: u64;
    map_next: u64;
    map_index: u32;
    map_count: u32;
    map_flags: u32;
    map_in_use: u32;
    map_grants: u64;
    map_dma_flags: u32;
    map_ops: u64;
    map_pages: u64;
    attachment_dmabuf: u64;
    dmabuf_size: u64;
    dmabuf_ops: u64;
    dmabuf_private: u64;
    dmabuf_ops_release: u64;
    exported_map: u64;
    sg_table_entries: u32;
    page_private: u64;
    task_tgid: u32;
    task_leader: u64;
    task_comm: [u8; 16];
}

/// The head of an open gntdev's list of maps.
#[inline(always)]
pub fn list_of_maps(priv_: u64) -> Option<u64> {
    filled_in!(members.priv_maps).at(priv_)
}

/// The map whose member `next` lies here (`container_of`).
#[inline(always)]
pub fn map_of_next(next: u64) -> Option<u64> {
    Some(next.wrapping_sub(filled_in!(members.map_next).get()?))
}

/// Domain and reference of the grant that a page backs, if Linux has noted one (`struct xen_page_foreign` in
/// include/xen/grant_table.h, v6.12; `page.flags` is the first member).
#[inline(always)]
pub fn foreign_page(page: u64) -> Option<(u32, u32)> {
    let flags: u64 = read(page)?;
    if flags >> (filled_in!(members.page_foreign).get()? & 63) & 1 == 0 {
        return None;
    }
    let noted = page_private(page)?;
    Some((noted as u32 & 0xffff, (noted >> 32) as u32))
}

/// Pages that a mapping spans.
#[inline(always)]
pub fn vma_pages(vma: u64) -> Option<u32> {
    let bytes = vma_end(vma)?.wrapping_sub(vma_start(vma)?);
    Some((bytes >> page_shift()) as u32)
}

/// The domain of the first of some maps (`gnttab_map_grant_ref.dom`, include/xen/interface/grant_table.h, v6.12: Xen's ABI).
#[inline(always)]
pub fn map_domid(map_ops: u64) -> Option<u16> {
    const DOM: u64 = 16;
    read(map_ops + DOM)
}

/// A type of which any bytes are a value.
pub trait Plain: Copy {}
impl Plain for u16 {}
impl Plain for u32 {}
impl Plain for u64 {}
impl Plain for [u8; 16] {}
impl Plain for [u32; 4] {}

/// What lies at an address of the kernel.
#[inline(always)]
pub fn read<T: Plain>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address, and any bytes are a value.
    unsafe { bpf_probe_read_kernel(address as *const T) }.ok()
}

/// An ioctl's argument. Read when the ioctl returns: then the kernel itself has just touched that memory.
#[inline(always)]
pub fn user<T: Plain>(argument: u64) -> Option<T> {
    // SAFETY: the helper checks the address, and any bytes are a value.
    unsafe { bpf_probe_read_user(argument as *const T) }.ok()
}

/// A 32-bit word of it.
#[inline(always)]
pub fn user_u32(argument: u64, offset: u64) -> Option<u32> {
    user(argument + offset)
}

/// A 64-bit word of it.
#[inline(always)]
pub fn user_u64(argument: u64, offset: u64) -> Option<u64> {
    user(argument + offset)
}

/// The errno in a pointer that a kernel function returned (`include/linux/err.h`, v6.12), else 0.
#[inline(always)]
pub fn pointer_error(pointer: u64) -> i32 {
    const MAX_ERRNO: u64 = 4095;
    if pointer > u64::MAX - MAX_ERRNO { pointer as i32 } else { 0 }
}
