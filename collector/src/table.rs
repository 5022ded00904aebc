//! The probes' tables, mapped into this process: see `probes/wire/src/table.rs`.

use std::sync::atomic::{AtomicU64, Ordering};

use aya::Ebpf;
use aya::maps::{HashMap as BpfMap, MapData};
use grantscope_wire::table::{BPF_NOEXIST, IN_WORK, PLACES, Place, place_of};
use grantscope_wire::{TableId, Turn};

use crate::CaptureError;
use crate::mapped::Mapped;
use crate::object::{plain_bytes, take};
use crate::turns::Turns;

/// Keys of the hash map that one pass reads at most. The kernel starts over where a key goes away during the pass, so that it may see more
/// keys than there are; it must end all the same.
const MAX_KEYS: usize = 1 << 17;

/// One table. `T` is plain old data, of which any bytes are a value; `N` is its size.
pub struct Table<T, const N: usize> {
    // Read and written in single words, or by copies that are compared.
    places: Mapped<Place<T>>,
    displaced: BpfMap<MapData, u64, [u8; N]>,
    id: TableId,
}

impl<T: Copy, const N: usize> Table<T, N> {
    /// Takes the maps of a loaded object, and maps the table.
    ///
    /// # Errors
    /// The object lacks one of the maps, or the kernel does not let the table be mapped.
    pub fn open(ebpf: &mut Ebpf, name: &'static str, displaced: &'static str, id: TableId) -> Result<Self, CaptureError> {
        const { assert!(size_of::<T>() == N) };
        Ok(Self { places: Mapped::open(ebpf, name, PLACES)?, displaced: take(ebpf, displaced)?, id })
    }

    fn place(&self, index: usize) -> *mut Place<T> {
        self.places.entry(index)
    }

    fn address(&self, index: usize) -> &AtomicU64 {
        // SAFETY: aligned, and inside the mapping, which lives as long as `self`.
        unsafe { AtomicU64::from_ptr(&raw mut (*self.place(index)).address) }
    }

    fn displaces(&self, index: usize) -> &AtomicU64 {
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(&raw mut (*self.place(index)).displaces) }
    }

    /// All that is in it. What is being written right now is not.
    pub fn read(&self) -> Vec<(u64, T)> {
        let (mut read, mut displaces) = (Vec::new(), 0);
        for index in 0..PLACES {
            displaces |= self.displaces(index).load(Ordering::Relaxed);
            if self.address(index).load(Ordering::Relaxed) != 0 {
                read.extend(self.whole(index));
            }
        }
        // The kernel takes longer to say that the hash map is empty than all of the above.
        if displaces != 0 {
            let displaced = self.displaced.iter().take(MAX_KEYS).filter_map(Result::ok);
            // SAFETY: any bytes are a value.
            read.extend(displaced.map(|(address, bytes)| (address, unsafe { plain_bytes(bytes) })));
        }
        read
    }

    /// What is there of this address.
    pub fn get(&self, address: u64) -> Option<T> {
        let index = place_of(address) as usize;
        match self.whole(index) {
            Some((found, value)) if found == address => Some(value),
            _ if self.displaces(index).load(Ordering::Relaxed) == 0 => None,
            // SAFETY: any bytes are a value.
            _ => self.displaced.get(&address, 0).ok().map(|bytes| unsafe { plain_bytes(bytes) }),
        }
    }

    /// What is in a place, if it was the same's before and after it was read.
    fn whole(&self, index: usize) -> Option<(u64, T)> {
        let address = self.address(index).load(Ordering::Acquire);
        if address == 0 || address & IN_WORK != 0 {
            return None;
        }
        // SAFETY: inside the mapping; any bytes are a value, and what was changed meanwhile is not used.
        let value = unsafe { (&raw const (*self.place(index)).value).read_volatile() };
        std::sync::atomic::fence(Ordering::Acquire);
        (self.address(index).load(Ordering::Relaxed) == address).then_some((address, value))
    }

    fn exchange(&self, turns: &mut Turns, address: u64, old: u64, new: u64) -> Result<u64, u64> {
        let index = place_of(address);
        let place = self.address(index as usize);
        let turn = Turn::at(self.id, index.into());
        turns.during(turn, || place.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire))
    }

    /// Adds something, unless there is something of this address. Whether it was added.
    pub fn insert(&mut self, turns: &mut Turns, address: u64, value: T) -> bool {
        let index = place_of(address) as usize;
        let claim = self.exchange(turns, address, 0, address | IN_WORK);
        match claim {
            Ok(_) => {
                // SAFETY: inside the mapping, and nobody else writes it now.
                unsafe { (&raw mut (*self.place(index)).value).write_volatile(value) };
                self.address(index).store(address, Ordering::Release);
                true
            }
            Err(found) if found & !IN_WORK == address => false,
            Err(_) => {
                // From now on who looks for the address looks further.
                self.displaces(index).store(1, Ordering::Release);
                // SAFETY: plain old data without padding, of as many bytes.
                let bytes = unsafe { std::mem::transmute_copy::<T, [u8; N]>(&value) };
                self.displaced.insert(address, bytes, BPF_NOEXIST).is_ok()
            }
        }
    }

    /// Removes what is of this address.
    pub fn remove(&mut self, turns: &mut Turns, address: u64) {
        if self.exchange(turns, address, address, 0).is_err() {
            let _ = self.displaced.remove(&address);
        }
    }
}
