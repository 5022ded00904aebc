//! The own time of operations by what they passed: operations mostly pass the same hooks in the same order.

use super::costs::{Costs, has_its_whole_log};
use super::time::Own;
use crate::by_path::ByPath;
use crate::model::{Calibration, Operation};

/// All that is known of costs, and the own time of each path that was asked for since it changed.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    costs: Costs,
    known: ByPath<Option<Own>>,
}

impl Paths {
    /// Takes in what is known anew.
    pub fn add(&mut self, calibration: &Calibration) {
        self.costs.add(calibration);
        self.known.clear();
    }

    /// What is known of costs.
    pub fn costs(&self) -> &Costs {
        &self.costs
    }

    /// As [`Costs::of`].
    pub fn own(&mut self, operation: &Operation) -> Option<&Own> {
        if self.costs.is_empty() || !has_its_whole_log(operation) {
            return None;
        }
        self.known.of(&about(operation), &operation.log, || self.costs.of(operation)).as_ref()
    }
}

/// Everything that the own time of an operation depends on, beside its log.
fn about(operation: &Operation) -> [u8; 4] {
    let only_stage = if let [all] = &operation.stages[..] { all.stage.id() } else { 0 };
    let buffer = operation.buffer.map_or(0, |buffer| buffer.id());
    [operation.op.id(), buffer, operation.is_sounded.into(), only_stage]
}

#[cfg(test)]
mod tests {
    use grantscope_wire::{Buffer, Edge, HookId};

    use super::*;
    use crate::by_path::MOST_PATHS;
    use crate::fixtures::{crossing, export, passing};
    use crate::model::Cost;

    fn calibration(before_ps: i32) -> Calibration {
        let cost = Cost { before_ps, after_ps: 0, error_ps: 0 };
        let of = |hook, edge| crossing(hook, edge, cost);
        let crossings = vec![of(HookId::GntdevIoctl, Edge::Entry), of(HookId::GntdevIoctl, Edge::Return)];
        Calibration { at_ns: 0, crossings: [crossings, vec![of(HookId::Msleep, Edge::Mark)]].concat() }
    }

    fn own_ns(paths: &mut Paths, operation: &Operation) -> Option<u64> {
        paths.own(operation).map(|own| own.total.ns)
    }

    #[test]
    fn a_path_is_computed_anew_when_a_cost_changes() {
        let (mut paths, export) = (Paths::default(), export(Buffer::Wc, 100));
        assert_eq!(own_ns(&mut paths, &export), None);
        for ns in [7, 9] {
            paths.add(&calibration(ns * 1_000));
            assert_eq!([own_ns(&mut paths, &export), own_ns(&mut paths, &export)], [Some(ns as u64); 2]);
        }
    }

    #[test]
    fn paths_that_differ_are_not_taken_for_each_other() {
        let mut paths = Paths::default();
        paths.add(&calibration(1_000));
        let marked = passing(export(Buffer::Wc, 100), &[(HookId::Msleep, Edge::Mark, 0)]);
        let unknown = passing(export(Buffer::Wc, 100), &[(HookId::Msleep, Edge::Return, 3)]);
        let of = [export(Buffer::Wc, 100), marked, unknown].map(|operation| own_ns(&mut paths, &operation));
        assert_eq!(of, [Some(1), Some(2), None]);
    }

    #[test]
    fn no_more_paths_are_remembered_than_there_is_room_for() {
        let mut paths = Paths::default();
        paths.add(&calibration(1_000));
        for marks in 0..MOST_PATHS + 2 {
            // The marks differ in their number's bits.
            let edge = |bit: usize| if (marks >> bit) & 1 == 0 { Edge::Mark } else { Edge::Entry };
            let events: Vec<_> = (0..13).map(|bit| (HookId::Msleep, edge(bit), 0)).collect();
            paths.own(&passing(export(Buffer::Wc, 100), &events));
        }
        assert_eq!(paths.known.len(), 2);
    }
}
