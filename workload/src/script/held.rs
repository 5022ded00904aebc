//! What is held at a time.

/// The resources held at one time, in pages and in objects.
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

    /// This many times as much.
    pub fn times(mut self, factor: usize) -> Self {
        for part in self.parts() {
            *part *= factor;
        }
        self
    }
}
