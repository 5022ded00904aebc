//! The steps of an order: what is released, one thing after another.

/// One thing to release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// gntdev's descriptor.
    Close,
    /// The map, by the unmap ioctl.
    Unmap,
    /// The mapping.
    Munmap,
    /// The dma-buf's descriptor.
    CloseBuffer,
    /// vgem's attachment to it.
    Detach,
    /// The owner's grant.
    Ungrant,
}

impl Step {
    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Unmap => "unmap",
            Self::Munmap => "munmap",
            Self::CloseBuffer => "close-buffer",
            Self::Detach => "detach",
            Self::Ungrant => "ungrant",
        }
    }
}
