//! Tables that an address leads into: see `wire/src/table.rs`.

use aya_ebpf::maps::{Array, HashMap};
use grantscope_wire::table::{IN_WORK, Place, place_of};
use grantscope_wire::{Places, Turn};

use crate::exchange::{exchange, put};

/// A table, and the hash map for those that find their place taken.
pub struct Table<T: 'static> {
    pub places: &'static Array<Place<T>>,
    pub displaced: &'static HashMap<u64, T>,
    pub turns: Places,
}

/// Entries of the hash map.
pub const DISPLACED: u32 = 8_192;
/// Flag of a map (include/uapi/linux/bpf.h, v6.12): the collector maps it into its memory.
pub const BPF_F_MMAPABLE: u32 = 1 << 10;

impl<T: Copy> Table<T> {
    #[inline(always)]
    fn place(&self, address: u64) -> Option<&'static mut Place<T>> {
        // SAFETY: what is not the caller's own of a place is changed in one step only.
        self.places.get_ptr_mut(place_of(address)).map(|place| unsafe { &mut *place })
    }

    #[inline(always)]
    fn turn(&self, address: u64) -> Turn {
        Turn::at(self.turns, place_of(address).into())
    }

    /// What belongs to an address.
    #[inline(always)]
    pub fn get(&self, address: u64) -> Option<&'static mut T> {
        let place = self.place(address)?;
        if place.address == address {
            return Some(&mut place.value);
        }
        if place.displaces == 0 {
            return None;
        }
        // SAFETY: as above.
        self.displaced.get_ptr_mut(address).map(|value| unsafe { &mut *value })
    }

    /// Adds something, or replaces it. Whether there was room.
    #[inline(always)]
    pub fn insert(&self, address: u64, value: &T) -> bool {
        let Some(place) = self.place(address) else { return false };
        let found = exchange(&mut place.address, self.turn(address), 0, address | IN_WORK);
        if found == 0 {
            place.value = *value;
            put(&mut place.address, self.turn(address), address | IN_WORK, address);
            return true;
        }
        if found == address {
            place.value = *value;
            return true;
        }
        place.displaces = 1;
        self.displaced.insert(address, value, 0).is_ok()
    }

    /// Removes it, if it is there.
    #[inline(always)]
    pub fn remove(&self, address: u64) {
        let Some(place) = self.place(address) else { return };
        if place.address == address {
            put(&mut place.address, self.turn(address), address, 0);
        } else if place.displaces != 0 {
            let _ = self.displaced.remove(address);
        }
    }
}
