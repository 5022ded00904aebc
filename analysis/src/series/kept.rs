//! Series in a fixed order, which an operation finds with one look-up: that of its whole. From there each stage has a slot.
//!
//! There are only so many: what comes beyond has a series together with page counts near its own, and what comes beyond twice as many has
//! none, and is counted. So memory does not depend on what is read.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;
use grantscope_wire::Stage;
use grantscope_wire::stage::STAGE_IDS;

use super::{Series, SeriesKey};

/// As many series page counts are told apart in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MostSeries(pub usize);

impl Default for MostSeries {
    fn default() -> Self {
        // With a few dozen buckets each they take some 20 MiB.
        Self(20_000)
    }
}

/// As many bytes the callers of all series have at the most, each as often as it is one's: ordinary ones take a tenth of it.
const MOST_NAME_BYTES: usize = 8 << 20;

/// What the bound has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unkept {
    /// Operations that are in a series with page counts near their own.
    pub in_ranges: u64,
    /// Operations that are in none.
    pub left_out: u64,
}

/// Series by their keys.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    series: Vec<Series>,
    /// Places in `series`.
    order: BTreeMap<SeriesKey, usize>,
    /// By the key of whole operations.
    slots: HashMap<SeriesKey, Slots, RandomState>,
    most: MostSeries,
    /// Bytes of the callers in all keys: each is shown with its name.
    name_bytes: usize,
    unkept: Unkept,
}

/// Places in `series` of an operation as a whole, and of its stages by their ids.
#[derive(Clone, Debug)]
struct Slots([Option<u32>; 1 + STAGE_IDS]);

impl Kept {
    /// So many, and not many more.
    pub fn at_most(most: MostSeries) -> Self {
        Self { most, ..Self::default() }
    }

    /// Those of one more operation with this key, which is one of whole operations; `None`: there is no room for it.
    pub fn of(&mut self, total: SeriesKey) -> Option<OfOperation<'_>> {
        let total = match self.key_of(total) {
            Some(key) => {
                self.unkept.in_ranges += u64::from(key != total);
                key
            }
            None => {
                self.leave_out();
                return None;
            }
        };
        let slots = self.slots.entry(total).or_insert(Slots([None; 1 + STAGE_IDS]));
        Some(OfOperation { total, slots, series: &mut self.series, order: &mut self.order, name_bytes: &mut self.name_bytes })
    }

    /// There is no room for an operation.
    pub fn leave_out(&mut self) {
        self.unkept.left_out += 1;
    }

    /// The key that operations with this one have a series by; `None`: they have none.
    pub fn key_of(&self, total: SeriesKey) -> Option<SeriesKey> {
        let has_room = |most| self.series.len() < most && self.name_bytes < MOST_NAME_BYTES;
        if has_room(self.most.0) || self.slots.contains_key(&total) {
            return Some(total);
        }
        Some(total.in_range()).filter(|range| has_room(2 * self.most.0) || self.slots.contains_key(range))
    }

    /// All of them, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&SeriesKey, &Series)> {
        self.order.iter().map(|(key, &place)| (key, &self.series[place]))
    }

    /// One of them.
    pub fn get(&self, key: &SeriesKey) -> Option<&Series> {
        self.order.get(key).map(|&place| &self.series[place])
    }

    /// What the bound has done.
    pub fn unkept(&self) -> Unkept {
        self.unkept
    }
}

/// The series of one kind of operation.
pub struct OfOperation<'a> {
    /// Their key.
    pub total: SeriesKey,
    slots: &'a mut Slots,
    series: &'a mut Vec<Series>,
    order: &'a mut BTreeMap<SeriesKey, usize>,
    name_bytes: &'a mut usize,
}

impl OfOperation<'_> {
    /// That of a stage; `None`: of the whole operation. It begins if it is not there.
    pub fn stage(&mut self, stage: Option<Stage>) -> &mut Series {
        let slot = &mut self.slots.0[stage.map_or(0, |stage| 1 + usize::from(stage.id()))];
        let place = *slot.get_or_insert_with(|| {
            let place = self.series.len();
            let mut series = Series::default();
            if self.total.page_range.is_some() {
                series.mix();
            }
            self.series.push(series);
            self.order.insert(SeriesKey { stage, ..self.total }, place);
            *self.name_bytes += self.total.caller.map_or(0, |caller| caller.len());
            u32::try_from(place).expect("there are not as many series")
        });
        &mut self.series[place as usize]
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Buffer;

    use super::*;
    use crate::fixtures::export;
    use crate::model::Operation;

    fn of(buffer: Buffer, pages: u32) -> SeriesKey {
        SeriesKey::total(&Operation { pages: Some(pages), ..export(buffer, 1) }, None)
    }

    fn record(kept: &mut Kept, total: SeriesKey, ns: u64) -> bool {
        kept.of(total).map(|mut series| series.stage(None).record(ns)).is_some()
    }

    #[test]
    fn a_stage_has_one_series_for_each_kind_of_operation_and_they_are_in_order() {
        let [wc, pages] = [Buffer::Wc, Buffer::Pages].map(|buffer| SeriesKey::total(&export(buffer, 1), None));
        let mut kept = Kept::default();
        for (total, ns) in [(wc, 1), (pages, 2), (wc, 3)] {
            for stage in [Some(Stage::Remainder), None] {
                kept.of(total).expect("there is room").stage(stage).record(ns);
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
        assert_eq!(kept.unkept(), Unkept::default());
    }

    #[test]
    fn beyond_the_bound_page_counts_near_each_other_have_one_series_without_quantiles() {
        let mut kept = Kept::at_most(MostSeries(2));
        // The third and the fourth have no room of their own; the first goes on having its own.
        for (pages, ns) in [(1, 10), (2, 20), (1_500, 30), (2_000, 50), (1, 12)] {
            assert!(record(&mut kept, of(Buffer::Wc, pages), ns));
        }
        assert_eq!((kept.get(&of(Buffer::Wc, 1)).map(Series::count), kept.unkept().in_ranges), (Some(2), 2));
        let range = kept.get(&of(Buffer::Wc, 1_024).in_range()).expect("they are in one range");
        assert_eq!((range.count(), range.sum_ns(), range.is_mixture(), range.quantile_ns(0.5)), (2, 80, true, None));
    }

    #[test]
    fn series_have_only_so_many_bytes_of_names() {
        let mut kept = Kept::default();
        let caller = internment::Intern::from("x".repeat(MOST_NAME_BYTES / 4).as_str());
        let called = |pages| SeriesKey { caller: Some(caller), ..of(Buffer::Wc, pages) };
        let kept_of: Vec<_> = (0..6).map(|pages| record(&mut kept, called(pages), 1)).collect();
        assert_eq!(kept_of, [true, true, true, true, false, false]);
        assert!(record(&mut kept, called(0), 1), "one that is there goes on");
        assert_eq!(kept.unkept().left_out, 2);
    }

    #[test]
    fn beyond_twice_the_bound_operations_are_counted_and_nothing_grows() {
        let mut kept = Kept::at_most(MostSeries(1));
        let kinds = [Buffer::Pages, Buffer::Wc, Buffer::Coherent, Buffer::Foreign];
        let kept_of: Vec<_> = kinds.iter().map(|&buffer| record(&mut kept, of(buffer, 16), 1)).collect();
        assert_eq!(kept_of, [true, true, false, false]);
        assert_eq!((kept.iter().count(), kept.unkept()), (2, Unkept { in_ranges: 1, left_out: 2 }));
        assert!(record(&mut kept, of(Buffer::Pages, 16), 1) && record(&mut kept, of(Buffer::Wc, 17), 1));
    }
}
