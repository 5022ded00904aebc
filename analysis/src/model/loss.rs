//! What was lost.

use grantscope_wire::hook::Ends;
use grantscope_wire::{HOOKS, HookId, LossKind};

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
            .filter(|counter| counter.loses_operations())
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

impl LossCounter {
    /// Whether operations vanished from the counts. No operation begins or ends at a tracepoint: what is missed there is a part of one.
    pub fn loses_operations(&self) -> bool {
        self.kind.loses_operations() && !(self.kind == LossKind::Missed && self.is_at_tracepoint())
    }

    /// Whether the hook is a tracepoint.
    pub fn is_at_tracepoint(&self) -> bool {
        HOOKS.iter().any(|hook| hook.id == self.hook && hook.ends == Ends::Tracepoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_a_tracepoint_no_operation_is_missed() {
        let counter = |hook, kind| LossCounter { hook, kind, count: 2 };
        let at = |hook| LossReport { at_ns: 1, counters: vec![counter(hook, LossKind::Missed)] };
        assert_eq!([at(HookId::ContentionEnd), at(HookId::GntdevIoctl)].map(|report| report.operations()), [0, 2]);
        assert_eq!(at(HookId::ContentionEnd).total(), 2);
        assert!(counter(HookId::ContentionEnd, LossKind::Undelivered).loses_operations());
    }
}
