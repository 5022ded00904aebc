//! What was lost.

use grantscope_wire::{HookId, LossKind};

/// The losses since the recording began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LossReport {
    /// Monotonic time of the count.
    pub at_ns: u64,
    /// Only counters that are not zero.
    pub counters: Vec<LossCounter>,
}

impl LossReport {
    /// Operations that are missing from the counts; `u64::MAX`: that, or more.
    pub fn operations(&self) -> u64 {
        self.counters
            .iter()
            .filter(|counter| counter.kind.loses_operations())
            .map(|counter| counter.count)
            .fold(0, u64::saturating_add)
    }

    /// Those of them that ended before this viewer came: nothing went wrong there.
    pub fn earlier(&self) -> u64 {
        let earlier = self.counters.iter().filter(|counter| counter.kind == LossKind::Earlier);
        earlier.map(|counter| counter.count).fold(0, u64::saturating_add)
    }

    /// All that was lost, of every kind; `u64::MAX`: that, or more.
    pub fn total(&self) -> u64 {
        self.counters.iter().map(|counter| counter.count).fold(0, u64::saturating_add)
    }
}

/// One way to lose, at one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LossCounter {
    /// Where.
    pub hook: HookId,
    /// How.
    pub kind: LossKind,
    /// Losses of this kind: operations, where it loses some.
    pub count: u64,
}
