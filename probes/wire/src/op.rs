//! Operations: what a user requests of the kernel. And the kinds of buffer they are about.

use core::marker::PhantomData;

use crate::HookId;
use crate::hook::Row;

macro_rules! operations {
    ($($variant:ident = $id:literal, $hook:ident, $name:literal, $about:literal;)+) => {
        named_ids! {
            /// What is requested of the kernel. One record is written for each.
            pub enum Op {
                $($variant = $id, $name, $about;)+
            }
        }

        impl Op {
            /// The hook at whose return the operation's record is written: losses there are losses of this operation.
            pub const fn reported_by(self) -> HookId {
                match self { $(Self::$variant => HookId::$hook,)+ }
            }
        }
    };
}

// Behind the id: the hook that reports it.
operations! {
    Map = 1, GntdevIoctl, "map", "ioctl MAP_GRANT_REF on gntdev: allocates the pages that will back the grants";
    Mmap = 2, GntdevMmap, "mmap", "mmap(2) of gntdev: the hypercall that maps the grants, and the page table of the process";
    Munmap = 3, SysMunmap, "munmap", "munmap(2) of a gntdev mapping, the whole system call";
    Unmap = 4, GntdevIoctl, "unmap", "ioctl UNMAP_GRANT_REF on gntdev: unmaps and frees, unless something still holds the mapping";
    Export = 5, GntdevIoctl, "export", "ioctl DMABUF_EXP_FROM_REFS on gntdev: allocates, maps and exports as a dma-buf";
    Release = 6, DmabufExpOpsRelease, "release", "the last close of a dma-buf that gntdev exported";
    Attach = 7, DmaBufDynamicAttach, "attach", "an importer attaches to a dma-buf that gntdev exported";
    Detach = 8, DmaBufDetach, "detach", "an importer detaches from a dma-buf that gntdev exported";
    Import = 9, GntdevIoctl, "import", "ioctl DMABUF_IMP_TO_REFS on gntdev: attaches to a dma-buf and grants its pages";
    ImportRelease = 10, GntdevIoctl, "import_release", "ioctl DMABUF_IMP_RELEASE on gntdev: revokes those grants and detaches";
    WaitReleased = 11, GntdevIoctl, "wait_released", "ioctl DMABUF_EXP_WAIT_RELEASED on gntdev";
    Copy = 12, GntdevIoctl, "copy", "ioctl GRANT_COPY on gntdev";
    Grant = 13, GntallocIoctl, "grant", "ioctl ALLOC_GREF on gntalloc: allocates pages and grants them";
    Ungrant = 14, GntallocIoctl, "ungrant", "ioctl DEALLOC_GREF on gntalloc";
    Close = 15, GntdevRelease, "close", "the last close of an open gntdev, with all maps that it still held";
    AttachmentMap = 16, DmaBufMapAttachment, "attachment_map", "an importer asks for the DMA addresses of a dma-buf that gntdev exported";
    AttachmentUnmap = 17, DmaBufUnmapAttachment, "attachment_unmap", "an importer gives those addresses back";
    Teardown = 18, GnttabUnmapRefs, "teardown", "the grants behind a map really go, at once or long after the call that asked for it returned";
    MapRefs = 19, GnttabMapRefs, "map_refs", "an in-kernel user maps grants (gnttab_map_refs outside of all operations above)";
    UnmapRefs = 20, GnttabUnmapRefs, "unmap_refs", "an in-kernel user's grants are unmapped (gnttab_unmap_refs outside of all operations above)";
    BatchMap = 21, GnttabBatchMap, "batch_map", "an in-kernel user maps grants without pages of its own (gnttab_batch_map)";
    BatchCopy = 22, GnttabBatchCopy, "batch_copy", "an in-kernel user has Xen copy (gnttab_batch_copy outside of all operations above)";
}

/// An operation at the hook that reports it: the probes begin one only there.
pub struct OpAt<H>(Op, PhantomData<H>);

impl<H: Row> OpAt<H> {
    /// For constants: it does not compile where the operation's row names another hook.
    pub const fn new(op: Op) -> Self {
        assert!(op.reported_by().id() == H::HOOK.id.id(), "the row of this operation names another hook");
        Self(op, PhantomData)
    }

    /// The operation.
    pub const fn op(self) -> Op {
        self.0
    }
}

impl<H> Clone for OpAt<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for OpAt<H> {}

named_ids! {
    /// What backs the mapping.
    pub enum Buffer {
        Pages = 1, "pages", "ordinary pages";
        Wc = 2, "wc", "a write-combining DMA buffer (GNTDEV_DMA_FLAG_WC)";
        Coherent = 3, "coherent", "a coherent DMA buffer (GNTDEV_DMA_FLAG_COHERENT)";
        Foreign = 4, "foreign", "a dma-buf that another driver exported";
    }
}

named_ids! {
    /// Which allocator of the kernel's provided the memory of a DMA buffer.
    pub enum Allocator {
        Buddy = 1, "buddy", "the buddy allocator, as for all pages";
        Cma = 2, "cma", "the contiguous memory allocator (CMA)";
    }
}

impl Op {
    /// Whether a function of the kernel begins it, and no call from user space: then the record has its caller.
    pub const fn is_of_kernel_users(self) -> bool {
        matches!(self, Self::MapRefs | Self::UnmapRefs | Self::BatchMap | Self::BatchCopy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::rows::{GntdevMmap, GntdevRelease};

    #[test]
    fn an_operation_is_at_the_hook_that_its_row_names() {
        assert_eq!(OpAt::<GntdevMmap>::new(Op::Mmap).op(), Op::Mmap);
    }

    #[test]
    #[should_panic(expected = "the row of this operation names another hook")]
    fn an_operation_cannot_be_at_another_hook() {
        let _ = OpAt::<GntdevRelease>::new(Op::Mmap);
    }
}
