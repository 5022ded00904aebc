//! What is known of the operations of one series in one slice of time, and its bytes while nothing is added to it any more.

use postcard::{take_from_bytes, to_extend};
use serde::{Deserialize, Serialize};

use super::coarse::{Coarse, MOST_OCCUPIED, middle};
use crate::quantile::{Estimate, Quantile};

/// Durations of operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    sum_ns: u128,
    max_ns: u64,
    /// The step of time in which the longest one ended.
    max_step: u64,
    coarse: Coarse,
}

impl Durations {
    /// Adds one, which ended in this step.
    pub(super) fn record(&mut self, ns: u64, step: u64) {
        self.see_longest(ns, step);
        self.sum_ns = self.sum_ns.saturating_add(ns.into());
        self.coarse.record(ns);
    }

    /// Adds all of others.
    pub(super) fn add(&mut self, other: &Self) {
        self.see_longest(other.max_ns, other.max_step);
        self.sum_ns = self.sum_ns.saturating_add(other.sum_ns);
        self.coarse.add(&other.coarse);
    }

    fn see_longest(&mut self, ns: u64, step: u64) {
        if ns >= self.max_ns {
            (self.max_ns, self.max_step) = (ns, step);
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.coarse.count()
    }

    /// All together.
    pub fn sum_ns(&self) -> u128 {
        self.sum_ns
    }

    /// The mean; `None`: there are none.
    pub fn mean_ns(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.sum_ns as f64 / self.count() as f64)
    }

    /// The longest, exactly; `None`: there are none.
    pub fn max_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.max_ns)
    }

    pub(super) fn max_step(&self) -> u64 {
        self.max_step
    }

    /// About this quantile: off by a sixteenth (`coarse.rs`); `None`: there are none. It says nothing where they are of several sizes.
    pub fn quantile(&self, quantile: &Quantile) -> Option<Estimate> {
        let ns = self.coarse.quantile_ns(quantile.part)?.min(self.max_ns);
        Some(Estimate { ns, is_carried: quantile.is_carried_by(self.count()) })
    }

    /// Memory beside the value itself.
    pub(super) fn bytes(&self) -> usize {
        self.coarse.bytes()
    }

    /// As much as that can be: a vector that grows has at most twice the room that it needs.
    pub(super) const fn most_bytes() -> usize {
        2 * MOST_OCCUPIED * size_of::<u64>()
    }
}

/// Appends the durations of a series. They are of a slice that begins at this step.
pub(super) fn pack(bytes: &mut Vec<u8>, place: u16, first_step: u64, durations: &Durations) {
    let Durations { sum_ns, max_ns, max_step, coarse } = durations;
    let mut body = Vec::new();
    put(&mut body, &(sum_ns, max_ns, max_step.saturating_sub(first_step), coarse.shift()));
    let mut before = 0;
    for (number, count) in coarse.parts() {
        put(&mut body, &(number - before, count));
        before = number;
    }
    put(bytes, &(place, body.len() as u32));
    bytes.extend_from_slice(&body);
}

fn put(bytes: &mut Vec<u8>, numbers: &impl Serialize) {
    *bytes = to_extend(numbers, std::mem::take(bytes)).expect("a vector takes every number");
}

/// All that was packed, with the places of the series: the same one several times where durations came late.
pub(super) fn packed(mut bytes: &[u8], first_step: u64) -> impl Iterator<Item = (u16, Packed<'_>)> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let (place, length): (u16, u32) = take(&mut bytes);
        let (body, rest) = bytes.split_at(length as usize);
        bytes = rest;
        Some((place, Packed { body, first_step }))
    })
}

fn take<'a, T: Deserialize<'a>>(bytes: &mut &'a [u8]) -> T {
    let (value, rest) = take_from_bytes(bytes).expect("only what was packed here is unpacked");
    *bytes = rest;
    value
}

/// Durations as they are kept.
pub(super) struct Packed<'a> {
    body: &'a [u8],
    first_step: u64,
}

impl Packed<'_> {
    /// The value.
    pub fn unpacked(mut self) -> Durations {
        let (sum_ns, max_ns, max_step, shift): (u128, u64, u64, u8) = take(&mut self.body);
        let max_step = self.first_step + max_step;
        Durations { sum_ns, max_ns, max_step, coarse: Coarse::of_parts(shift, parts(self.body)) }
    }

    /// Visits the finest buckets that they are in, with their counts; the longest, and the step in which it ended.
    pub fn visit(mut self, mut visit: impl FnMut(usize, u64)) -> (u64, u64) {
        let (_, max_ns, max_step, shift): (u128, u64, u64, u8) = take(&mut self.body);
        parts(self.body).for_each(|(number, count)| visit(middle(number, shift), count));
        (max_ns, self.first_step + max_step)
    }
}

fn parts(mut bytes: &[u8]) -> impl Iterator<Item = (u16, u64)> {
    let mut number = 0;
    std::iter::from_fn(move || {
        let (gap, count): (u16, u64) = (!bytes.is_empty()).then(|| take(&mut bytes))?;
        number += gap;
        Some((number, count))
    })
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(of in vec((any::<u16>(), vec(any::<u64>(), 1..300)), 0..4), first in 0..1_000_u64) {
            let durations = |values: &Vec<u64>| {
                let mut all = Durations::default();
                (first..).zip(values).for_each(|(step, ns)| all.record(*ns, step));
                all
            };
            let of: Vec<_> = of.iter().map(|(place, values)| (*place, durations(values))).collect();
            let mut bytes = Vec::new();
            of.iter().for_each(|(place, durations)| pack(&mut bytes, *place, first, durations));
            let unpacked: Vec<_> = packed(&bytes, first).map(|(place, packed)| (place, packed.unpacked())).collect();
            prop_assert_eq!(&unpacked, &of);
            for ((_, packed), (_, durations)) in packed(&bytes, first).zip(&of) {
                let mut all = 0;
                prop_assert_eq!(packed.visit(|_, count| all += count), (durations.max_ns, durations.max_step));
                prop_assert_eq!(all, durations.count());
            }
        }
    }

    #[test]
    fn the_longest_is_known_exactly_and_no_quantile_is_above_it() {
        let mut durations = Durations::default();
        assert_eq!((durations.max_ns(), durations.mean_ns()), (None, None));
        [1_001, 1_003].into_iter().for_each(|ns| durations.record(ns, 7));
        assert_eq!((durations.max_ns(), durations.mean_ns(), durations.max_step()), (Some(1_003), Some(1_002.0), 7));
        let p99 = durations.quantile(&crate::quantile::P99).unwrap();
        assert!(p99.ns <= 1_003 && !p99.is_carried);
    }
}
