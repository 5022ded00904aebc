//! What a run needs, and holds at most.

use super::held::Held;

/// The most that is needed, all arms, workers, processes and threads together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Pages that this domain has to grant to itself.
    pub own_pages: usize,
    /// Pages that the peer has to grant.
    pub peer_pages: usize,
    /// Pages of a dma-buf that the peer has to grant.
    pub peer_dmabuf_pages: usize,
    /// The largest object, in pages.
    pub largest: u32,
    /// The peak of each resource by itself.
    pub held: Held,
    /// Pages of all parts together that are held at once, at most.
    pub pages_at_once: usize,
    /// The largest DMA buffer (WC or coherent) made of a domain's pages, in pages.
    pub largest_dma: u32,
    /// Whether it opens gntdev at all.
    pub gntdev: bool,
    /// Whether it asks the peer's frontend for more than it grants from the start.
    pub requests: bool,
}
