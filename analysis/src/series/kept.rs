//! Series in a fixed order, which an operation finds with one look-up: that of its whole. From there each stage has a slot.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use grantscope_wire::Stage;
use grantscope_wire::stage::STAGE_IDS;

use super::{Series, SeriesKey};

/// Series by their keys.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    series: Vec<Series>,
    /// Places in `series`.
    order: BTreeMap<SeriesKey, usize>,
    /// By the key of whole operations.
    slots: HashMap<SeriesKey, Slots, RandomState>,
}

/// Places in `series` of an operation as a whole, and of its stages by their ids.
#[derive(Clone, Debug)]
struct Slots([Option<u32>; 1 + STAGE_IDS]);

impl Kept {
    /// Those of operations with this key, which is one of whole operations.
    pub fn of(&mut self, total: SeriesKey) -> OfOperation<'_> {
        let slots = self.slots.entry(total).or_insert(Slots([None; 1 + STAGE_IDS]));
        OfOperation { total, slots, series: &mut self.series, order: &mut self.order }
    }

    /// All of them, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&SeriesKey, &Series)> {
        self.order.iter().map(|(key, &place)| (key, &self.series[place]))
    }

    /// One of them.
    pub fn get(&self, key: &SeriesKey) -> Option<&Series> {
        self.order.get(key).map(|&place| &self.series[place])
    }
}

/// The series of one kind of operation.
pub struct OfOperation<'a> {
    total: SeriesKey,
    slots: &'a mut Slots,
    series: &'a mut Vec<Series>,
    order: &'a mut BTreeMap<SeriesKey, usize>,
}

impl OfOperation<'_> {
    /// That of a stage; `None`: of the whole operation. It begins if it is not there.
    pub fn stage(&mut self, stage: Option<Stage>) -> &mut Series {
        let slot = &mut self.slots.0[stage.map_or(0, |stage| 1 + usize::from(stage.id()))];
        let place = *slot.get_or_insert_with(|| {
            let place = self.series.len();
            self.series.push(Series::default());
            self.order.insert(SeriesKey { stage, ..self.total }, place);
            u32::try_from(place).expect("memory does not suffice for as many histograms")
        });
        &mut self.series[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::fixtures::export;

    #[test]
    fn a_stage_has_one_series_for_each_kind_of_operation_and_they_are_in_order() {
        let [wc, pages] = [Buffer::Wc, Buffer::Pages].map(|buffer| SeriesKey::total(&export(buffer, 1)));
        let mut kept = Kept::default();
        for (total, ns) in [(wc, 1), (pages, 2), (wc, 3)] {
            for stage in [Some(Stage::Remainder), None] {
                kept.of(total).stage(stage).record(ns);
            }
        }
        let sums: Vec<_> = kept.iter().map(|(key, series)| (*key, series.sum_ns())).collect();
        let of = |total, stage, sum_ns| (SeriesKey { stage, ..total }, sum_ns);
        let remainder = Some(Stage::Remainder);
        let mut expected = [of(wc, None, 4), of(wc, remainder, 4), of(pages, None, 2), of(pages, remainder, 2)];
        expected.sort();
        assert_eq!(sums, expected);
        assert_eq!(kept.get(&wc).map(Series::count), Some(2));
        assert!(kept.get(&SeriesKey { stage: Some(Stage::LockWait), ..wc }).is_none());
    }
}
