//! Whose turn it is at a place that several processors may want to change, on kernels whose programs cannot compare and exchange in one
//! step: then a key in a hash map says that somebody is at it.

/// The tables that have such places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Places {
    /// Operations that are under way.
    Tasks = 1,
    /// Live maps.
    Maps = 2,
    /// Exported dma-bufs.
    Dmabufs = 3,
    /// Descriptors of dma-bufs.
    Descriptors = 4,
}

/// The key of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(pub u64);

impl Turn {
    /// Entries of the hash map: a program holds one place at a time, for as long as it takes to write a word, and is not preempted.
    pub const HELD_AT_ONCE: u32 = 1_024;

    /// That of the place with this number.
    #[inline(always)]
    pub const fn at(places: Places, number: u64) -> Self {
        Self((places as u64) << 32 | number)
    }
}
