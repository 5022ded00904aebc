//! The expected results of an order of release, from the kernel's source: drivers/xen/gntdev.c and gntdev-dmabuf.c, Linux v6.12.

use std::fs::read_to_string;

use grantscope_generator::device::Released;

use super::step::Step;

/// The objects that are still held. This does not ask the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// gntdev's descriptor.
    descriptor: bool,
    /// The place in the list of the device's maps (`priv->maps`).
    listed: bool,
    /// The mapping, which holds the map and the open file.
    mapping: bool,
    /// The dma-buf's own descriptor.
    buffer: bool,
    /// An importer's hold on the dma-buf.
    importer: bool,
    /// Whether this domain's page tables are Xen's to change: a munmap then unmaps the grants.
    pv: bool,
}

impl Held {
    /// A map that is mmapped.
    pub fn mapped(pv: bool) -> Self {
        Self { descriptor: true, listed: true, mapping: true, buffer: false, importer: false, pv }
    }

    /// A dma-buf, and perhaps an importer that is attached to it. Its map is in the device's list, but it is the buffer's own.
    pub fn exported(attached: bool) -> Self {
        Self { descriptor: true, listed: false, mapping: false, buffer: true, importer: attached, pv: false }
    }

    /// Whether there is a way to do it: an ioctl needs the descriptor.
    pub fn can(&self, step: Step) -> bool {
        step != Step::Unmap || self.descriptor
    }

    /// Releases one thing.
    pub fn release_step(&mut self, step: Step) {
        match step {
            Step::Close => self.descriptor = false,
            Step::Unmap => self.listed = false,
            Step::Munmap => self.mapping = false,
            Step::CloseBuffer => self.buffer = false,
            Step::Detach => self.importer = false,
            Step::Ungrant => {}
        }
        // `gntdev_release` puts every map in the list. It is called when the last hold on the open file is gone: the descriptor's,
        // the mapping's (`vma->vm_file`), or that of an exported buffer, whose map is gone by then (`dmabuf_exp_ops_release`).
        if !self.descriptor && !self.mapping {
            self.listed = false;
        }
    }

    /// Whether Xen still has the grants mapped. The list and the mapping each hold a map (`map->users`), and so does a dma-buf's
    /// open file, which its descriptor and importers hold. With Xen's page tables a munmap is an end of its own
    /// (`gntdev_invalidate`).
    pub fn grants_are_mapped(&self) -> bool {
        let by_map = if self.pv { self.mapping } else { self.listed || self.mapping };
        by_map || self.buffer || self.importer
    }

    /// What a wait of no time for the buffer's release has to answer; there is no asking without a descriptor.
    pub fn release_is(&self) -> Option<Released> {
        let answer = if self.grants_are_mapped() { Released::NotYet } else { Released::Before };
        self.descriptor.then_some(answer)
    }
}

/// Whether this is a domain whose page tables are Xen's to change.
pub fn is_pv() -> bool {
    read_to_string("/sys/hypervisor/guest_type").is_ok_and(|kind| kind.trim() == "PV")
}

#[cfg(test)]
mod tests {
    use super::super::step::Step::{Close, CloseBuffer, Detach, Munmap, Ungrant, Unmap};
    use super::*;

    /// The step that ends the grants' being mapped.
    fn ends_with(mut held: Held, order: &[Step]) -> Option<Step> {
        order.iter().copied().find(|&step| {
            let before = held.grants_are_mapped();
            held.release_step(step);
            before && !held.grants_are_mapped()
        })
    }

    #[test]
    fn a_map_goes_with_the_later_of_unmap_and_munmap() {
        assert_eq!(ends_with(Held::mapped(false), &[Munmap, Ungrant, Unmap, Close]), Some(Unmap));
        assert_eq!(ends_with(Held::mapped(false), &[Unmap, Close, Munmap, Ungrant]), Some(Munmap));
        assert_eq!(ends_with(Held::mapped(false), &[Unmap, Munmap, Close, Ungrant]), Some(Munmap));
    }

    #[test]
    fn a_map_without_an_unmap_goes_with_the_last_close() {
        assert_eq!(ends_with(Held::mapped(false), &[Munmap, Close, Ungrant]), Some(Close));
        assert_eq!(ends_with(Held::mapped(false), &[Close, Ungrant, Munmap]), Some(Munmap));
    }

    #[test]
    fn with_xens_page_tables_every_map_goes_with_the_munmap() {
        assert_eq!(ends_with(Held::mapped(true), &[Munmap, Unmap, Close, Ungrant]), Some(Munmap));
        assert_eq!(ends_with(Held::mapped(true), &[Munmap, Close, Ungrant]), Some(Munmap));
    }

    #[test]
    fn a_buffer_goes_with_its_last_holder_whether_gntdev_is_open_or_not() {
        assert_eq!(ends_with(Held::exported(true), &[CloseBuffer, Close, Detach, Ungrant]), Some(Detach));
        assert_eq!(ends_with(Held::exported(true), &[Close, Detach, Ungrant, CloseBuffer]), Some(CloseBuffer));
        assert_eq!(ends_with(Held::exported(false), &[Close, CloseBuffer, Ungrant]), Some(CloseBuffer));
    }

    #[test]
    fn a_wait_is_answered_as_long_as_there_is_a_descriptor_to_ask_on() {
        let mut held = Held::exported(true);
        held.release_step(CloseBuffer);
        assert_eq!(held.release_is(), Some(Released::NotYet));
        held.release_step(Detach);
        assert_eq!(held.release_is(), Some(Released::Before));
        held.release_step(Close);
        assert_eq!(held.release_is(), None);
    }
}
