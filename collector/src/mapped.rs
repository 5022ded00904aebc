//! Arrays of the probes, mapped into this process.

use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::ptr::NonNull;

use aya::Ebpf;
use aya::maps::{Map, MapData};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::CaptureError;

/// An array of the probes.
pub struct Mapped<T> {
    entries: NonNull<T>,
    length: usize,
    // Keeps the map that they lie in.
    _map: MapData,
}

// SAFETY: the memory belongs to no thread.
unsafe impl<T: Send> Send for Mapped<T> {}

impl<T> Mapped<T> {
    /// Takes the map of a loaded object, which has so many entries: both sides compile that.
    ///
    /// # Errors
    /// The object lacks it, or the kernel does not let it be mapped.
    pub fn open(ebpf: &mut Ebpf, name: &'static str, length: usize) -> Result<Self, CaptureError> {
        let Some(Map::Array(map)) = ebpf.take_map(name) else { return Err(CaptureError::NoMap(name)) };
        let flags = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: the kernel chooses where, and refuses what is longer than the map.
        let entries = unsafe { mmap(None, Self::bytes(length), flags, MapFlags::MAP_SHARED, map.fd().as_fd(), 0) };
        let entries = entries.map_err(|error| CaptureError::Table { name, source: error.into() })?.cast();
        Ok(Self { entries, length, _map: map })
    }

    fn bytes(length: usize) -> NonZeroUsize {
        NonZeroUsize::new(length * size_of::<T>()).expect("no array of the probes is empty")
    }

    /// Where an entry lies, which the probes may change at any time.
    pub fn entry(&self, index: usize) -> *mut T {
        assert!(index < self.length);
        // SAFETY: inside the mapping.
        unsafe { self.entries.as_ptr().add(index) }
    }
}

impl Mapped<u64> {
    /// A counter.
    pub fn count(&self, index: usize) -> u64 {
        // SAFETY: inside the mapping, and aligned.
        unsafe { self.entry(index).read_volatile() }
    }
}

impl<T> Drop for Mapped<T> {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nobody has a reference into it.
        let _ = unsafe { munmap(self.entries.cast(), Self::bytes(self.length).get()) };
    }
}
