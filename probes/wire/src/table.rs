//! Tables that an address leads into: a few instructions to find, to add and to remove what belongs to it, where a hash map costs
//! hundreds. Two addresses may lead to one place: whoever comes second is kept in a hash map beside the table.
//!
//! The collector maps these tables into its memory.

/// A place of a table.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Place<T> {
    /// Whose it is; 0: nobody's. With [`IN_WORK`]: the value is being written.
    pub address: u64,
    /// Not 0: others whose place this is are, or were, in the hash map.
    pub displaces: u64,
    /// What belongs to it.
    pub value: T,
}

/// Part of an address while the value is being written: no structure has an odd address.
pub const IN_WORK: u64 = 1;

/// Flag of an update of a hash map: only if nothing is there (include/uapi/linux/bpf.h, v6.12).
pub const BPF_NOEXIST: u64 = 1;

/// Places of every table, as a power of two.
pub const PLACE_BITS: u32 = 14;
/// Places of every table.
pub const PLACES: usize = 1 << PLACE_BITS;

/// Where an address leads.
#[inline(always)]
pub const fn place_of(address: u64) -> u32 {
    // Fibonacci hashing: the upper bits of the product depend on all of the address.
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACE_BITS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_in_a_slab_have_places_of_their_own() {
        let mut places: [bool; PLACES] = [false; PLACES];
        let mut shared = 0;
        for object in 0..1_000 {
            let place = &mut places[place_of(0xffff_0000_0340_0000 + object * 512) as usize];
            shared += u32::from(*place);
            *place = true;
        }
        assert!(shared < 100, "{shared} of 1,000 share their place");
    }
}
