//! What a sweep does and in which order: plain functions of numbers, so that they can be tested.

use crate::truth::Buffer;

/// The default page counts; 2,025 is one 1920×1080 frame at 32 bits a pixel.
pub const DEFAULT_PAGES: [u32; 4] = [1, 16, 256, 2025];

/// The default page counts of the loopback, chosen to be none of the above: their series must not
/// mix with those of another domain's pages.
pub const DEFAULT_LOOPBACK: [u32; 2] = [4, 64];

/// What orders are derived from, by default.
pub const DEFAULT_SEED: u64 = 1;

/// Iterations before counting begins, by default.
pub const DEFAULT_WARMUP: u32 = 5;

/// Every so many iterations, somebody already waits when a buffer is released. Rarely, because how
/// long they waited says how long the buffer lived, not what anything costs.
pub const WAITER_EVERY: u32 = 8;

/// Before every action, by default: sleep until just after the next multiple of so many
/// milliseconds of CLOCK_MONOTONIC. It is the period of a 250 Hz tick, and ticks come at multiples
/// of their period since Linux 6.4 (`tick_setup_device` in `kernel/time/tick-common.c`).
pub const DEFAULT_PAUSE_MS: u32 = 4;

/// How far behind the multiple an action starts, in nanoseconds: the tick's own work is over.
const BEHIND_THE_TICK: u64 = 300_000;

/// When an action that could start `now` starts: always at the same distance from a tick, so that
/// it does not depend on chance how many ticks fall into a call.
pub fn start_after_pause(now_ns: u64, pause_ms: u32) -> u64 {
    let period = u64::from(pause_ms) * 1_000_000;
    match period {
        0 => now_ns,
        _ => (now_ns / period + 1) * period + BEHIND_THE_TICK.min(period / 2),
    }
}

/// What one iteration is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// map, mmap, touch, munmap, unmap.
    Map,
    /// export, import, import_release, prime_import, gem_close, release, wait_released.
    Export(Buffer),
    /// import and import_release of another driver's buffer, and what vgem does to it.
    ImportForeign,
    /// grant and ungrant in this domain.
    Grant,
}

/// How often a size is repeated by default: small ones are quick and noisy, large ones the
/// opposite.
pub fn default_iterations(pages: u32) -> u32 {
    match pages {
        0..=64 => 200,
        65..=512 => 100,
        _ => 50,
    }
}

/// The orders of a run's iterations: one after the other, all from one seed.
pub struct Shuffler {
    state: u64,
}

impl Shuffler {
    /// The same seed gives the same orders on every machine and version.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// `all` in the next order. Every order is about equally likely, so that whatever drifts
    /// during a run falls on all of them alike.
    pub fn next_order<T: Clone>(&mut self, all: &[T]) -> Vec<T> {
        let mut order = all.to_vec();
        for last in (1..order.len()).rev() {
            let other = self.next_below(last as u64 + 1) as usize;
            order.swap(last, other);
        }
        order
    }

    /// The next number from 0 to below `end`, which is not 0.
    pub fn next_below(&mut self, end: u64) -> u64 {
        self.next_number() % end
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
    fn next_number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: [Action; 6] = [
        Action::Map,
        Action::Export(Buffer::Pages),
        Action::Export(Buffer::Wc),
        Action::Export(Buffer::Coherent),
        Action::ImportForeign,
        Action::Grant,
    ];

    fn orders(seed: u64, count: usize) -> Vec<Vec<Action>> {
        let mut shuffler = Shuffler::new(seed);
        (0..count).map(|_| shuffler.next_order(&ACTIONS)).collect()
    }

    #[test]
    fn every_action_starts_at_the_same_distance_from_a_multiple_of_the_pause() {
        for now in [0, 1, 3_999_999, 4_000_000, 4_299_999, 4_300_001, 7_654_321] {
            let start = start_after_pause(now, 4);
            assert!(start > now && start - now <= 4_300_000, "{now}: {start}");
            assert_eq!(start % 4_000_000, 300_000);
        }
        assert_eq!(start_after_pause(1234, 0), 1234);
        assert!(start_after_pause(999_999, 1) > 999_999);
    }

    #[test]
    fn every_iteration_does_everything_exactly_once() {
        for mut order in orders(1, 50) {
            order.sort();
            assert_eq!(order, ACTIONS);
        }
    }

    #[test]
    fn the_same_seed_repeats_and_another_one_differs() {
        assert_eq!(orders(7, 20), orders(7, 20));
        assert_ne!(orders(7, 20), orders(8, 20));
    }

    #[test]
    fn the_generator_is_splitmix64_so_that_orders_survive_new_versions() {
        let mut shuffler = Shuffler::new(1_234_567);
        assert_eq!(shuffler.next_number(), 6_457_827_717_110_365_317);
        assert_eq!(shuffler.next_number(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn every_kind_comes_at_every_place_about_equally_often() {
        let orders = orders(1, 600);
        for (place, action) in (0..6).flat_map(|place| ACTIONS.map(|action| (place, action))) {
            let times = orders.iter().filter(|order| order[place] == action).count();
            assert!((60..=140).contains(&times), "{action:?} at place {place}: {times} of 600");
        }
    }

    #[test]
    fn default_sizes_repeat_at_least_fifty_times_and_loopback_has_sizes_of_its_own() {
        for pages in DEFAULT_PAGES {
            assert!(default_iterations(pages) >= 50);
            assert!(!DEFAULT_LOOPBACK.contains(&pages));
        }
    }
}
