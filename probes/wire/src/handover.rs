//! How the collector asks for records that were not handed over yet: it runs a program, which goes over the places of operations.

/// Places of operations that are under way, as a power of two.
pub const PLACE_BITS: u32 = 10;
/// Those places.
pub const PLACES: u64 = 1 << PLACE_BITS;
/// How many of them one run goes over where a loop does it: the verifier follows every round, and each has half a dozen branches.
pub const PLACES_OF_A_LOOP: u64 = 64;
