//! The options of a test's run.

use grantscope_generator::engine::Place;
use grantscope_generator::truth::Buffer;

/// The options of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The page counts, in order.
    pub pages: Vec<u32>,
    /// The kinds of buffers.
    pub buffers: Vec<Buffer>,
    /// Whether the kinds were requested by name: then one that is not available is an error.
    pub buffers_are_explicit: bool,
    /// Whether exports and imports are left out.
    pub without_dmabuf: bool,
    /// Iterations; each test has a number of its own if not given.
    pub iterations: Option<u32>,
    /// Whose pages are mapped, and this domain's number.
    pub place: Place,
}

impl Options {
    /// The largest page count.
    pub fn most_pages(&self) -> u32 {
        self.pages.iter().copied().max().unwrap_or(0)
    }
}
