//! What is held at a time.

use super::plan::Action;
use crate::truth::Buffer;

/// What is held at a time, in pages; and in objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Pages that back maps and exports: ordinary memory.
    pub pages: usize,
    /// Pages of DMA buffers.
    pub dma_pages: usize,
    /// Pages of other drivers' dma-bufs.
    pub foreign_pages: usize,
    /// Pages granted by grant steps.
    pub granted_pages: usize,
    /// Objects: maps, dma-bufs, imports and grants.
    pub objects: usize,
}

impl Held {
    fn parts(&mut self) -> [&mut usize; 5] {
        [&mut self.pages, &mut self.dma_pages, &mut self.foreign_pages, &mut self.granted_pages, &mut self.objects]
    }

    /// Of a step that makes so many objects of so many pages each.
    pub fn by(action: &Action, pages: usize, count: usize) -> Self {
        let mut held = Self { objects: count, ..Self::default() };
        match action {
            Action::Map { .. } | Action::Export { buffer: Buffer::Pages | Buffer::Foreign, .. } => held.pages = pages * count,
            Action::Export { .. } => held.dma_pages = pages * count,
            Action::Allocate { .. } => held.foreign_pages = pages * count,
            Action::Grant { .. } => held.granted_pages = pages * count,
            // An import's pages are its buffer's, and the memory of what the peer makes is the peer's.
            Action::Import { .. } | Action::PeerGrant { .. } | Action::PeerImport { .. } => {}
            _ => held.objects = 0,
        }
        held
    }

    /// Part by part.
    pub fn with(mut self, mut other: Self, what: impl Fn(usize, usize) -> usize) -> Self {
        for (part, other) in self.parts().into_iter().zip(other.parts()) {
            *part = what(*part, *other);
        }
        self
    }

    /// The pages of all parts.
    pub fn all_pages(self) -> usize {
        self.pages + self.dma_pages + self.foreign_pages + self.granted_pages
    }

    /// So many times as much.
    pub fn times(mut self, factor: usize) -> Self {
        for part in self.parts() {
            *part *= factor;
        }
        self
    }
}
