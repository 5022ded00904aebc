//! What changes are made of: places, parts, repetitions and numbers, by chance.

use std::ops::Range;

use fastrand::Rng;

/// A place between the elements of a list: also its end.
pub fn place(rng: &mut Rng, length: usize) -> usize {
    rng.usize(..=length)
}

/// A part of a list of this length, mostly a short one.
pub fn part(rng: &mut Rng, length: usize) -> Range<usize> {
    let from = place(rng, length);
    let most = 1 << rng.u32(..=12);
    from..length.min(from + rng.usize(..=most))
}

/// How often something is repeated: mostly a few times, sometimes very often, for what grows.
pub fn times(rng: &mut Rng) -> usize {
    let most = if rng.u8(..8) == 0 { 14 } else { 3 };
    1 << rng.u32(..=most)
}

/// A number at which something may break.
pub fn number(rng: &mut Rng) -> u64 {
    let power = 1_u64 << rng.u32(..64);
    match rng.u8(..6) {
        0 => power,
        1 => power - 1,
        2 => power.wrapping_add(1),
        3 => u64::MAX - u64::from(rng.u8(..3)),
        4 => rng.u64(..256),
        _ => rng.u64(..) >> rng.u32(..64),
    }
}
