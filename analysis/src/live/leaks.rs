//! Which mappings look like a leak, and why.

use std::collections::BTreeSet;
use std::time::Duration;

use grantscope_wire::Op;

use super::Ledger;
use crate::model::{Holder, LiveMap, MapState};

/// How long a map may outlive its release, unless another time is given.
pub const LEAK_AFTER: Duration = Duration::from_secs(2);

/// Why a mapping is a leak suspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suspicion {
    /// Its release was requested, and a page of it is still in use.
    StillInUse {
        /// Since when it should be gone, in nanoseconds before now.
        for_ns: u64,
        /// By which operation; `None`: not known.
        requested_by: Option<Op>,
    },
    /// Its owner has ended, and something else holds it.
    OwnerGone {
        /// Since when, in nanoseconds before now.
        for_ns: u64,
        /// The owner's process id.
        owner: u32,
        /// The owner's name.
        comm: String,
        /// Other processes that hold it, each once; empty: none that is known.
        holders: Vec<Holder>,
    },
}

impl LiveMap {
    /// Why it is a leak suspect; `None`: it is none.
    pub fn suspicion(&self, now_ns: u64, leak_after: Duration) -> Option<Suspicion> {
        let too_long = |since_ns: u64| {
            let ns = now_ns.saturating_sub(since_ns);
            (u128::from(ns) > leak_after.as_nanos()).then_some(ns)
        };
        if let MapState::TearingDown { since_ns, by } = self.state
            && let Some(for_ns) = too_long(since_ns)
        {
            return Some(Suspicion::StillInUse { for_ns, requested_by: Op::from_id(by) });
        }
        let for_ns = self.owner_gone_ns.and_then(too_long)?;
        let (owner, comm, holders) = (self.owner.unwrap_or_default(), self.comm.clone(), self.other_holders());
        Some(Suspicion::OwnerGone { for_ns, owner, comm, holders })
    }

    /// A process that holds it in several ways is named once, with the way that stands first.
    fn other_holders(&self) -> Vec<Holder> {
        let mut named = BTreeSet::new();
        let others = self.holders.iter().filter(|holder| Some(holder.tgid) != self.owner && named.insert(holder.tgid));
        others.cloned().collect()
    }
}

impl Ledger {
    /// Those that look like a leak at this time, and why.
    pub fn suspects(&self, now_ns: u64, leak_after: Duration) -> Vec<(&LiveMap, Suspicion)> {
        self.maps().into_iter().filter_map(|map| Some((map, map.suspicion(now_ns, leak_after)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use grantscope_wire::Op;

    use super::*;
    use crate::fixtures::{S, live_map as map};
    use crate::model::HeldBy;

    #[test]
    fn a_release_that_does_not_end_is_a_suspect_and_a_short_one_is_not() {
        let map = map(1, MapState::TearingDown { since_ns: S, by: Op::Close.id() });
        assert_eq!(map.suspicion(3 * S, LEAK_AFTER), None);
        let why = map.suspicion(4 * S, LEAK_AFTER).expect("it is 3 s old").to_string();
        assert_eq!(
            why,
            "its release was requested 3.00 s ago by close, and a page of it is still in use: its grants stay mapped"
        );
    }

    #[test]
    fn a_map_that_outlives_its_owner_is_a_suspect_and_who_holds_it_is_named() {
        let holder = Holder { tgid: 9, comm: "gpu".to_owned(), by: HeldBy::DmaBuf };
        let map = LiveMap { owner_gone_ns: Some(S), holders: vec![holder], ..map(1, MapState::Exported) };
        assert_eq!(map.suspicion(2 * S, LEAK_AFTER), None);
        let why = map.suspicion(6 * S, LEAK_AFTER).expect("5 s are long").to_string();
        assert_eq!(why, "its owner backend [7] has been gone for 5.00 s, and gpu [9] by its dma_buf still holds it");
    }

    #[test]
    fn a_map_that_its_owner_uses_is_no_suspect_however_old() {
        for state in [MapState::Allocated, MapState::Mapped, MapState::Exported, MapState::Unmapped] {
            assert_eq!(map(1, state).suspicion(u64::MAX, LEAK_AFTER), None);
        }
    }
}
