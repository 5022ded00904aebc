//! The ledger of live mappings: what is held now.
//!
//! The capture reports what changed (`MapsReport`); `Ledger` adds that up. Whether something is a leak suspect is for the
//! reader to judge, from facts that are recorded: `--leak-after` is asked when a recording is read, not when it is made.

use std::collections::BTreeMap;

use crate::model::{GRANT_BYTES, LiveMap, MapsReport};

/// How much is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Mappings.
    pub mappings: u64,
    /// Grant references in them.
    pub pages: u64,
}

impl Held {
    /// Bytes that other domains granted; `u64::MAX`: that, or more.
    pub fn granted_bytes(&self) -> u64 {
        self.pages.saturating_mul(GRANT_BYTES)
    }

    /// Bytes of this kernel's address space that they take; `u64::MAX`: that, or more.
    pub fn spanned_bytes(&self, page_size: u32) -> u64 {
        self.pages.saturating_mul(page_size.into())
    }
}

/// As many mappings there are at the most: more than the probes can follow (probes/src/live/table.rs).
const MOST_MAPS: usize = 32_768;
/// As many bytes all of them take at the most: twice what those of the probes take.
const MOST_BYTES: usize = 16 << 20;

/// All that is alive, as far as there is room.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    maps: BTreeMap<u64, LiveMap>,
    bytes: usize,
    unkept: u64,
    at_ns: Option<u64>,
    no_census: Option<String>,
    direct_mapped: Option<bool>,
}

impl Ledger {
    /// Of these mappings, at this time.
    pub fn of(maps: impl IntoIterator<Item = LiveMap>, at_ns: u64) -> Self {
        let mut ledger = Self { at_ns: Some(at_ns), ..Self::default() };
        maps.into_iter().for_each(|map| ledger.keep(map));
        ledger
    }

    /// Of a domain that is direct-mapped, or is not; `None`: not known.
    pub fn direct_mapped(self, direct_mapped: Option<bool>) -> Self {
        Self { direct_mapped, ..self }
    }

    /// Whether the guest frames of the domain's own memory are machine frames; `None`: not known.
    pub fn is_direct_mapped(&self) -> Option<bool> {
        self.direct_mapped
    }

    /// Takes in what changed.
    pub fn add(&mut self, report: &MapsReport) {
        self.at_ns = Some(report.at_ns);
        report.gone.iter().for_each(|&id| self.forget(id));
        report.changed.iter().for_each(|map| self.keep(map.clone()));
        if report.no_census.is_some() {
            self.no_census.clone_from(&report.no_census);
        }
        self.direct_mapped = report.direct_mapped.or(self.direct_mapped);
    }

    fn keep(&mut self, map: LiveMap) {
        self.forget(map.id);
        let bytes = bytes(&map);
        if self.bytes + bytes > MOST_BYTES || self.maps.len() == MOST_MAPS {
            self.unkept += 1;
            return;
        }
        self.bytes += bytes;
        self.maps.insert(map.id, map);
    }

    fn forget(&mut self, id: u64) {
        self.bytes -= self.maps.remove(&id).as_ref().map_or(0, bytes);
    }

    /// Reports of mappings for which there was no room: what is listed is not all. No recorder of ours makes as many.
    pub fn unkept(&self) -> u64 {
        self.unkept
    }

    /// When this was so; `None`: no report has come, so nothing is known.
    pub fn at_ns(&self) -> Option<u64> {
        self.at_ns
    }

    /// How much is held; `None`: not known.
    pub fn held(&self) -> Option<Held> {
        self.at_ns?;
        let pages = self.maps.values().map(|map| u64::from(map.pages)).fold(0, u64::saturating_add);
        Some(Held { mappings: self.maps.len() as u64, pages })
    }

    /// The mappings: those from before the tool, then by age, the oldest first.
    pub fn maps(&self) -> Vec<&LiveMap> {
        let mut maps: Vec<_> = self.maps.values().collect();
        maps.sort_by_key(|map| (map.allocated_ns, map.id));
        maps
    }

    /// Why maps from before the tool are not in it; `None`: they are.
    pub fn no_census(&self) -> Option<&str> {
        self.no_census.as_deref()
    }
}

fn bytes(map: &LiveMap) -> usize {
    let holders = map.holders.iter().map(|holder| size_of_val(holder) + holder.comm.len()).sum::<usize>();
    size_of_val(map) + map.comm.len() + holders
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{S, live_map as map};
    use crate::model::MapState;

    fn report(at_ns: u64, changed: Vec<LiveMap>, gone: &[u64]) -> MapsReport {
        MapsReport { at_ns, changed, gone: gone.to_vec(), ..MapsReport::default() }
    }

    #[test]
    fn without_a_report_nothing_is_known_and_that_is_not_zero() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.held(), None);
        ledger.add(&report(S, Vec::new(), &[]));
        assert_eq!(ledger.held(), Some(Held::default()));
    }

    #[test]
    fn reports_of_what_changed_add_up_to_what_is_held() {
        let mut ledger = Ledger::default();
        ledger.add(&report(S, vec![map(1, MapState::Allocated), map(2, MapState::Mapped)], &[]));
        ledger.add(&report(2 * S, vec![map(3, MapState::Exported)], &[1]));
        assert_eq!(ledger.held(), Some(Held { mappings: 2, pages: 32 }));
        assert_eq!(ledger.maps().iter().map(|map| map.id).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn what_has_no_room_is_counted_and_what_goes_makes_room() {
        let mut ledger = Ledger::default();
        let large = |id| LiveMap { comm: "x".repeat(MOST_BYTES / 2), ..map(id, MapState::Mapped) };
        ledger.add(&report(S, vec![large(1), large(2)], &[]));
        assert_eq!((ledger.maps().len(), ledger.unkept()), (1, 1));
        ledger.add(&report(2 * S, vec![large(1)], &[]));
        ledger.add(&report(3 * S, vec![large(3)], &[1]));
        assert_eq!((ledger.maps()[0].id, ledger.maps().len(), ledger.unkept()), (3, 1, 1));
    }

    #[test]
    fn more_bytes_than_there_are_numbers_for_are_the_largest_number() {
        let held = Held { mappings: 1 << 22, pages: 1 << 54 };
        assert_eq!((held.granted_bytes(), held.spanned_bytes(1 << 9)), (u64::MAX, 1 << 63));
    }
}
