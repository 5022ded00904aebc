//! Orders and numbers that are drawn from a seed: plain functions of it, so that they can be tested.

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

    const ACTIONS: [&str; 6] = ["coherent", "export", "foreign", "grant", "map", "wc"];

    fn orders(seed: u64, count: usize) -> Vec<Vec<&'static str>> {
        let mut shuffler = Shuffler::new(seed);
        (0..count).map(|_| shuffler.next_order(&ACTIONS)).collect()
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
            assert!((60..=140).contains(&times), "{action} at place {place}: {times} of 600");
        }
    }
}
